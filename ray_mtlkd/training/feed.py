"""What one step learns from: batches of rows, and where each task's labels of them are.

Where every task has rows of its own (multi-input), each draws its own batch. Where all tasks label the rows of one
table (single-input), one batch serves them all: a row without a task's label is left out of that task's loss, not of
the batch.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.tasks.device import send
from ray_mtlkd.tasks.examples import SetupTables, TaskTables
from ray_mtlkd.tasks.inputs import Inputs
from ray_mtlkd.training.batches import Position, Sampler
from ray_mtlkd.training.settings import Optimization


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a task learns from a batch of inputs.

    Attributes:
        task: Index of the task.
        outputs: Which of the batch's outputs are labelled [n] int64; None where all are.
        labels: Places of their labels in the task's train labels, and in its soft labels [n] int64.
        share: Of the task's labels in this step that lie in this batch, in (0, 1].
    """

    task: int
    outputs: Tensor | None
    labels: Tensor
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Inputs that go through the model together, and what is to be learned from them, by ascending task."""

    inputs: Inputs[Tensor]
    targets: tuple[Target, ...]


class Feed(Protocol):
    """Endless batches; their order depends on the seed alone, not on the strategy."""

    def draw(self, tasks: Sequence[int]) -> tuple[Batch, ...]:
        """The batches of one step of ``tasks`` (ascending); at least one task finds labels in them."""

    @property
    def positions(self) -> tuple[Position, ...]:
        """Where the samplers stand."""

    def move(self, positions: Sequence[Position]) -> None:
        """Go on from ``positions``."""


def feed(tables: SetupTables[Tensor], settings: Optimization, *, seed: int) -> Feed:
    """The feed that fits the tables.

    Raises:
        MtlkdError: where the batch sizes do not fit the tasks.
    """
    rows = [len(table.train) for table in tables.tasks]
    sizes = batch_sizes(settings, tables)
    if tables.shares_rows:
        return SharedRows(tables, batch_size=sizes[0], parts=settings.accumulation, seed=seed)
    samplers = [
        Sampler(rows=count, batch_size=size, seed=seed, task=table.task.name)
        for count, size, table in zip(rows, sizes, tables.tasks, strict=True)
    ]
    return OwnRows(tables.tasks, samplers, parts=settings.accumulation)


def batch_sizes(settings: Optimization, tables: SetupTables[Any]) -> tuple[int, ...]:
    """Rows a task and step [T].

    With ``proportional`` sampling or a temperature τ, task t has a share n_t^(1/τ) / sum n^(1/τ) of the step's
    ``T x batch_size`` rows, n_t its train rows and τ = 1 for ``proportional``; at least one row.

    Raises:
        MtlkdError: where a task has no size, or tasks that share rows have sizes of their own.
    """
    names = [table.task.name for table in tables.tasks]
    given, sampling = settings.batch_size, settings.sampling
    if tables.shares_rows and (sampling != "equal" or not isinstance(given, int)):
        raise MtlkdError(
            "the tasks label the same rows, so one batch serves all of them",
            where="training.batch_size" if sampling == "equal" else "training.sampling",
            fix="give one number of rows, and leave sampling equal",
        )
    if not isinstance(given, int):
        if missing := [name for name in names if name not in given]:
            raise MtlkdError(
                f"no batch size for {', '.join(missing)}",
                where="training.batch_size",
                fix="name every task of every setup, or give one number",
            )
        return tuple(given[name] for name in names)
    if sampling == "equal":
        return (given,) * len(names)
    power = 1.0 if sampling == "proportional" else 1.0 / sampling
    weights = [len(table.train) ** power for table in tables.tasks]
    return tuple(max(1, round(given * len(names) * weight / sum(weights))) for weight in weights)


class OwnRows:
    """Each task draws its own rows."""

    def __init__(self, tables: Sequence[TaskTables[Tensor]], samplers: Sequence[Sampler], *, parts: int) -> None:
        self._tables = tables
        self._samplers = samplers
        self._parts = parts

    def draw(self, tasks: Sequence[int]) -> tuple[Batch, ...]:
        """A batch a task, or several where it is cut into parts."""
        batches = tuple(batch for task in tasks for batch in self._draw(task))
        return _with_shares(batches) if self._parts > 1 else batches

    @property
    def positions(self) -> tuple[Position, ...]:
        """Of the tasks' samplers [T]."""
        return tuple(sampler.position for sampler in self._samplers)

    def move(self, positions: Sequence[Position]) -> None:
        """Go on from ``positions`` [T]."""
        for sampler, position in zip(self._samplers, positions, strict=True):
            sampler.move(position)

    def _draw(self, task: int) -> Iterator[Batch]:
        train = self._tables[task].train
        rows = self._samplers[task].draw()
        for part in rows.chunk(self._parts):
            target = Target(task=task, outputs=None, labels=send(train.places(part), train.labels.device))
            yield Batch(inputs=train.take(part), targets=(target,))


class SharedRows:
    """All tasks learn from the same rows: those of one table that have a label of any task."""

    def __init__(self, tables: SetupTables[Tensor], *, batch_size: int, parts: int, seed: int) -> None:
        self._tables = tables.tasks
        self._inputs = tables.tasks[0].train.inputs
        self._parts = parts
        ids = [table.train.row_ids for table in tables.tasks]
        self._rows = torch.unique(torch.cat(ids))
        # [T, rows of the file]: where a task's label of a row stands among the task's labels, -1 where it has none
        self._places = torch.full((len(ids), int(self._rows[-1]) + 1), -1)
        for place, labelled in zip(self._places, ids, strict=True):
            place[labelled] = torch.arange(len(labelled))
        # tasks that label all of these rows need no look-up of which rows they label
        self._labels_all = [len(labelled) == len(self._rows) for labelled in ids]
        self._sampler = Sampler(rows=len(self._rows), batch_size=batch_size, seed=seed, task=tables.name)

    def draw(self, tasks: Sequence[int]) -> tuple[Batch, ...]:
        """One batch for all tasks, or several where it is cut into parts."""
        batches: list[Batch] = []
        while not batches:  # ends: a task that trains has a labelled row somewhere in each epoch
            rows = self._rows[self._sampler.draw()]
            batches = [batch for part in rows.chunk(self._parts) if (batch := self._batch(part, tasks)).targets]
        return _with_shares(batches) if self._parts > 1 else tuple(batches)

    @property
    def positions(self) -> tuple[Position, ...]:
        """Of the only sampler [1]."""
        return (self._sampler.position,)

    def move(self, positions: Sequence[Position]) -> None:
        """Go on from ``positions`` [1]."""
        self._sampler.move(positions[0])

    def _batch(self, rows: Tensor, tasks: Sequence[int]) -> Batch:
        return Batch(inputs=self._inputs.take(rows), targets=tuple(self._targets(rows, tasks)))

    def _targets(self, rows: Tensor, tasks: Sequence[int]) -> Iterator[Target]:
        found = self._places.index_select(1, rows)
        for task in tasks:
            train, places, outputs = self._tables[task].train, found[task], None
            if not self._labels_all[task]:
                kept = (places >= 0).nonzero().squeeze(1)
                if not len(kept):
                    continue
                if len(kept) < len(rows):
                    places, outputs = places[kept], send(train.outputs(rows, kept), train.labels.device)
            yield Target(task=task, outputs=outputs, labels=send(train.places(places), train.labels.device))


def _with_shares(batches: Sequence[Batch]) -> tuple[Batch, ...]:
    """The batches with each target's share of its task's labels (tokens for tagging): losses are means over these."""
    totals = Counter[int]()
    for target in (target for batch in batches for target in batch.targets):
        totals[target.task] += len(target.labels)

    def share(target: Target) -> Target:
        return replace(target, share=len(target.labels) / totals[target.task])

    return tuple(replace(batch, targets=tuple(map(share, batch.targets))) for batch in batches)

"""What one step learns from: batches of rows, and where each task's labels of them are.

Where every task has rows of its own (multi-input), each draws its own batch. Where all tasks label the rows of one
table (single-input), one batch serves them all: a row without a task's label is left out of that task's loss, not of
the batch.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from ray_mtlkd.data.device import send
from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables
from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.batches import Drawn, GroupSampler, Picked, Sampler, Source, Stream
from ray_mtlkd.training.transfer import TransferSet


@dataclass(frozen=True, kw_only=True)
class BatchTarget:
    """What a task learns from a batch of inputs.

    Attributes:
        task: Index of the task.
        outputs: Which of the batch's outputs are labelled [n] int64; None where all are.
        labels: Places of their labels in the task's train labels, and in its soft labels [n] int64; of rows that only a
            teacher labels, beyond all train labels.
        groups: Where each group's rows begin among these, and the last one's end [g+1], on the host; None where rows
            have no groups.
        share: Of what has a loss of its own in this step (labels, or groups of them), that lies in this batch: (0, 1].
    """

    task: int
    outputs: Tensor | None
    labels: Tensor
    groups: Tensor | None = None
    share: float = 1.0

    @property
    def losses(self) -> int:
        """How many losses the task's loss is the mean of."""
        return len(self.labels) if self.groups is None else len(self.groups) - 1


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Inputs that go through the model together, and what is to be learned from them, by ascending task."""

    inputs: Inputs[Tensor]
    targets: tuple[BatchTarget, ...]


class Feed(Protocol):
    """Endless batches; their order depends on the seed alone, not on the strategy."""

    def teach(self, task: int, rows: TransferSet) -> None:
        """From now on, a task that learns from soft labels draws these rows."""

    def draw(self, tasks: Sequence[int], *, taught: Collection[int] = ()) -> tuple[Batch, ...]:
        """The batches of one step of ``tasks`` (ascending); at least one task finds labels in them.

        Those that are ``taught`` learn from soft labels.
        """

    @property
    def drawn(self) -> tuple[int, ...]:
        """How many batches each sampler has given."""

    @property
    def epochs(self) -> tuple[float, ...]:
        """How often each task's batches would have gone through the rows of its own [T]."""

    def move(self, drawn: Sequence[int]) -> None:
        """Go on from where so many were ``drawn``."""


def feed(tables: SetupTables[Tensor], settings: Optimization, *, seed: int) -> Feed:
    """The feed that fits the tables.

    Raises:
        MtlkdError: where the batch sizes do not fit the tasks.
    """
    sizes = batch_sizes(settings, tables)
    if tables.shares_rows:
        return SharedRows(tables, batch_size=sizes[0], parts=settings.accumulation, seed=seed)
    return OwnRows(tables.tasks, batch_sizes=sizes, parts=settings.accumulation, seed=seed)


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
    """Each task draws its own rows; while it is taught, those that its teacher has labelled."""

    def __init__(
        self, tables: Sequence[TaskTables[Tensor]], *, batch_sizes: Sequence[int], parts: int, seed: int
    ) -> None:
        self._tables = tables
        self._sizes = batch_sizes
        self._parts = parts
        self._seed = seed
        self._own = [self._stream(task, table, order=table.task.name) for task, table in enumerate(tables)]
        self._taught: dict[int, Stream[tuple[Batch, ...]]] = {}
        self._recalled = [0] * len(tables)

    def _stream(
        self, task: int, table: TaskTables[Tensor], *, order: str, drawn: Tensor | None = None
    ) -> Stream[tuple[Batch, ...]]:
        size = self._sizes[task]
        return stream(table, task=task, batch_size=size, parts=self._parts, seed=self._seed, order=order, drawn=drawn)

    def teach(self, task: int, rows: TransferSet) -> None:
        """Draw these while the task is taught; its own rows in the order that they have anyway."""
        table = self._tables[task]
        self._taught.pop(task, None)
        if len(rows.tables) > 1:
            whole = replace(table, train=rows.examples)
            self._taught[task] = self._stream(task, whole, order=f"{table.task.name}/taught", drawn=rows.drawn)

    def draw(self, tasks: Sequence[int], *, taught: Collection[int] = ()) -> tuple[Batch, ...]:
        """A batch a task, or several where it is cut into parts."""
        return tuple(batch for task in tasks for batch in self._draw(task, is_taught=task in taught))

    def _draw(self, task: int, *, is_taught: bool) -> tuple[Batch, ...]:
        if not is_taught or task not in self._taught:
            return self._own[task].draw()
        found = self._taught[task]
        found.drawn = self._recalled[task]
        self._recalled[task] += 1
        return found.draw()

    @property
    def drawn(self) -> tuple[int, ...]:
        """Of own rows by task, and then of those that teachers have labelled [2T]."""
        return (*(stream.drawn for stream in self._own), *self._recalled)

    @property
    def epochs(self) -> tuple[float, ...]:
        """Of each task's own table [T]; a batch of other rows counts as one of its own."""
        both = zip(self._own, self._recalled, strict=True)
        return tuple(stream.epochs(stream.drawn + recalled) for stream, recalled in both)

    def move(self, drawn: Sequence[int]) -> None:
        """Go on from ``drawn`` [2T]."""
        for stream, count in zip(self._own, drawn[: len(self._own)], strict=True):
            stream.drawn = count
        self._recalled = list(drawn[len(self._own) :])


def stream(
    table: TaskTables[Tensor],
    *,
    task: int,
    batch_size: int,
    parts: int,
    seed: int,
    order: str,
    drawn: Tensor | None = None,
) -> Stream[tuple[Batch, ...]]:
    """Endless batches of a task's own rows, each in so many parts.

    Args:
        table: The task's.
        task: Its index in the model.
        batch_size: Rows of a batch.
        parts: That it goes through the network in.
        seed: Decides the order of the rows, with ``order``.
        order: Names one order of many.
        drawn: Places of the only rows that are drawn [n]; not of rows in groups.
    """
    groups, sizes = table.train.groups, _parts(batch_size, parts)
    source: Source
    if groups is not None:
        source = GroupSampler(groups=groups, most=batch_size, seed=seed, task=order)
    elif drawn is not None:
        source = Picked(Sampler(rows=len(drawn), seed=seed, task=order), drawn)
    else:
        source = Sampler(rows=len(table.train), seed=seed, task=order)
    return Stream(source, parts=sizes, gather=partial(_gather, task, table.train, parts=len(sizes)))


def _gather(task: int, train: Examples[Tensor], drawn: Drawn, *, parts: int) -> list[tuple[Batch, ...]]:
    """The batches of several steps, each in so many parts; parts without a row are left out."""
    groups = drawn.groups or (None,) * len(drawn.sizes)
    places = (send(train.places(part), train.labels.device) for part in torch.split(drawn.rows, list(drawn.sizes)))
    batches = [
        Batch(inputs=inputs, targets=(BatchTarget(task=task, outputs=None, labels=labels, groups=of),))
        for inputs, labels, of in zip(train.batches(drawn.rows, drawn.sizes), places, groups, strict=True)
    ]
    return _by_step(batches, parts)


@dataclass(frozen=True)
class _Recalled:
    """What a teacher has labelled: the rows, and where each row of the file stands among them, -1 where it does not."""

    examples: Examples[Tensor]
    places: Tensor


class SharedRows:
    """All tasks learn from the same rows: those of one table that have a label of any task."""

    def __init__(self, tables: SetupTables[Tensor], *, batch_size: int, parts: int, seed: int) -> None:
        self._tables = tables.tasks
        self._inputs = tables.tasks[0].train.inputs
        sizes = _parts(batch_size, parts)
        self._parts = len(sizes)
        ids = [table.train.row_ids for table in tables.tasks]
        self._rows = torch.unique(torch.cat(ids))
        # [T, rows of the file]: where a task's label of a row stands among the task's labels, -1 where it has none
        self._places = torch.full((len(ids), int(self._rows[-1]) + 1), -1)
        for place, labelled in zip(self._places, ids, strict=True):
            place[labelled] = torch.arange(len(labelled))
        # tasks that label all of these rows need no look-up of which rows they label
        self._labels_all = [len(labelled) == len(self._rows) for labelled in ids]
        self._taught: dict[int, _Recalled] = {}
        self._recalling: frozenset[int] = frozenset()
        sampler = Sampler(rows=len(self._rows), seed=seed, task=tables.name)
        self._stream = Stream(sampler, parts=sizes, gather=self._gather)

    def teach(self, task: int, rows: TransferSet) -> None:
        """Let the task learn from these rows of a batch while it is taught."""
        self._taught.pop(task, None)
        self._stream.forget()
        if len(rows.tables) > 1:
            places = torch.full_like(self._places[task], -1)
            drawn = torch.arange(len(rows.examples)) if rows.drawn is None else rows.drawn
            places[rows.examples.row_ids[drawn]] = drawn
            self._taught[task] = _Recalled(rows.examples, places)

    def draw(self, tasks: Sequence[int], *, taught: Collection[int] = ()) -> tuple[Batch, ...]:
        """One batch for all tasks, or several where it is cut into parts."""
        recalling = frozenset(task for task in taught if task in self._taught)
        if recalling != self._recalling:
            self._recalling = recalling
            self._stream.forget()
        while True:  # ends: a task that trains has a labelled row somewhere in each epoch
            if batches := _of(self._stream.draw(), frozenset(tasks)):
                return batches

    @property
    def drawn(self) -> tuple[int, ...]:
        """Of the only sampler [1]."""
        return (self._stream.drawn,)

    @property
    def epochs(self) -> tuple[float, ...]:
        """Of the table that all label, whoever trained on it [T]."""
        return (self._stream.epochs(self._stream.drawn),) * len(self._tables)

    def move(self, drawn: Sequence[int]) -> None:
        """Go on from ``drawn`` [1]."""
        (self._stream.drawn,) = drawn

    def _gather(self, drawn: Drawn) -> list[tuple[Batch, ...]]:
        rows, every = self._rows[drawn.rows], list(drawn.sizes)
        found: Sequence[Inputs[Tensor]] = self._inputs.batches(rows, every)
        batches = [
            Batch(inputs=inputs, targets=tuple(self._targets(part)))
            for inputs, part in zip(found, torch.split_with_sizes(rows, every), strict=True)
        ]
        return _by_step(batches, self._parts)

    def _targets(self, rows: Tensor) -> Iterator[BatchTarget]:
        found = self._places.index_select(1, rows)
        for task, table in enumerate(self._tables):
            train, places, outputs, all_labelled = table.train, found[task], None, self._labels_all[task]
            if task in self._recalling:
                train, places, all_labelled = self._taught[task].examples, self._taught[task].places[rows], False
            if not all_labelled:
                kept = (places >= 0).nonzero().squeeze(1)
                if not len(kept):
                    continue
                if len(kept) < len(rows):
                    places, outputs = places[kept], send(train.outputs(rows, kept), train.labels.device)
            yield BatchTarget(task=task, outputs=outputs, labels=send(train.places(places), train.labels.device))


def _parts(batch_size: int, parts: int) -> list[int]:
    """Rows of each part of a batch."""
    return [len(part) for part in torch.empty(batch_size).chunk(parts)]


def _by_step(batches: Sequence[Batch], parts: int) -> list[tuple[Batch, ...]]:
    """The parts of each step that hold anything."""
    steps = (batches[start : start + parts] for start in range(0, len(batches), parts))
    return [_with_shares([part for part in step if _holds_rows(part)]) for step in steps]


def _holds_rows(batch: Batch) -> bool:
    """Whether a part of a batch, cut between groups, has any."""
    return not batch.targets or batch.targets[0].losses > 0


def _of(batches: tuple[Batch, ...], tasks: frozenset[int]) -> tuple[Batch, ...]:
    """The batches with the targets of ``tasks`` alone; none without a target."""
    if all(batch.targets and all(target.task in tasks for target in batch.targets) for batch in batches):
        return batches
    found = (tuple(target for target in batch.targets if target.task in tasks) for batch in batches)
    return tuple(replace(batch, targets=kept) for batch, kept in zip(batches, found, strict=True) if kept)


def _with_shares(batches: Sequence[Batch]) -> tuple[Batch, ...]:
    """The batches with each target's share of its task's labels, tokens or groups: losses are means over these."""
    if len(batches) == 1:
        return tuple(batches)
    totals = Counter[int]()
    for target in (target for batch in batches for target in batch.targets):
        totals[target.task] += target.losses

    def share(target: BatchTarget) -> BatchTarget:
        return replace(target, share=target.losses / totals[target.task])

    return tuple(replace(batch, targets=tuple(map(share, batch.targets))) for batch in batches)

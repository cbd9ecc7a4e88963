"""Which rows a task's teacher labels and the task distils from: its transfer set.

A teacher needs no labels, so that it may say more than the task's own table asks (Hinton et al. 2015, arXiv:1503.02531,
section 1): rows of its own without one, and those that other tasks train on. Only rows of train, and of tables that are
there to be labelled by teachers, are ever among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd.data.examples import Examples, SetupTables
from ray_mtlkd.data.inputs import token_offsets
from ray_mtlkd.records import TaughtRows
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.settings import Distillation, DistilledRows
from ray_mtlkd.training.state.soft_labels import SoftTable

_ROWS = 2**16
"""Whose probabilities are in memory at a time."""


@dataclass(frozen=True, kw_only=True)
class TransferSet:
    """Rows of several tables, those that the task has labels of before all others.

    Attributes:
        examples: All rows. ``labels`` and ``weights`` are of the task's own rows alone, so that these have them at the
            same places as their soft labels.
        tables: How many rows are of which table, one after the other; the first is the task's own.
        among: The tasks whose tables were looked through; none where only the task's own was.
        left_out: Of these, whose tables it cannot read: they have another form, or no groups where it has some.
        drawn: Which rows it distils from [n] int64, ascending; None for all.
    """

    examples: Examples[Tensor]
    tables: tuple[TaughtRows, ...]
    among: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    drawn: Tensor | None = None

    def sure(self, task: Task, soft: SoftTable, *, bound: float) -> "TransferSet":
        """The same rows, to be drawn where they are the task's own or the teacher is sure of them.

        Args:
            task: Whose they are; where its kind knows no probabilities, all rows are drawn.
            soft: What the teacher says of all of them.
            bound: Least probability of what it holds likeliest; where a row has several answers, their mean.
        """
        if kind_of(task).confidence is None or len(self.tables) == 1:
            return self
        ends = list(accumulate((table.rows for table in self.tables), initial=0))
        kept = np.ones(ends[-1], np.bool_)
        for rows in _pieces(range(ends[1], ends[-1])):
            kept[rows.start : rows.stop] = _probable(task, soft, self.examples, rows) >= bound
        counts = (int(kept[start:stop].sum()) for start, stop in pairwise(ends))
        tables = tuple(replace(table, drawn=count) for table, count in zip(self.tables, counts, strict=True))
        return replace(self, drawn=torch.from_numpy(np.flatnonzero(kept)), tables=tables)

    def __str__(self) -> str:
        """Of which tables the rows are."""
        return ", ".join(f"{table.drawn:,} rows of {table.table}" for table in self.tables)


def transfer_set(setup: SetupTables[Tensor], task: int, rows: DistilledRows) -> TransferSet:
    """The rows that a task's teacher labels.

    Args:
        setup: Its tables.
        task: Its index.
        rows: Its own labelled ones alone, with its own ``unlabelled`` ones, or whatever it can read; of which a teacher
            is sure, only its answers tell.
    """
    own = setup.tasks[task]
    name, train = f"{own.task.name}/train", own.train
    if rows == "own":
        return TransferSet(examples=train, tables=(_counted(name, len(train)),))
    more = _More(own.task, train)
    if own.unlabelled is not None:
        more.add_rows(f"{own.task.name}/unlabelled", own.unlabelled)
    among = (own,) if rows == "unlabelled" else setup.tasks
    for other in among:
        more.add(other.task.name, other.train)
    return replace(more.transfer_set(name), among=tuple(other.task.name for other in among))


def settled(found: TransferSet, task: Task, soft: SoftTable, settings: Distillation) -> TransferSet:
    """The rows that a task distils from, once its teacher has labelled them."""
    return found.sure(task, soft, bound=settings.confidence) if settings.rows == "confident" else found


class _More:
    """Collects rows that a task can read, each once, and groups only as a whole.

    Args:
        task: Whose kind says what a row is.
        train: Its own table, whose rows come first.
    """

    def __init__(self, task: Task, train: Examples[Tensor]) -> None:
        self._kind = kind_of(task)
        self._own = train
        self._rows = [train.row_ids]
        self._groups = [] if train.groups is None else [train.groups.diff()]
        self._tables: list[TaughtRows] = []
        self._left_out: list[str] = []

    def add(self, name: str, table: Examples[Tensor]) -> None:
        """Take what is new of another table."""
        if table is self._own:
            return
        if table.inputs is not self._own.inputs or (self._kind.per_group and table.groups is None):
            self._left_out.append(name)
            return
        is_new = ~torch.isin(table.row_ids, torch.cat(self._rows))
        if self._kind.per_group and table.groups is not None:
            lengths = table.groups.diff()
            of = torch.repeat_interleave(torch.arange(len(lengths)), lengths)
            whole = torch.zeros(len(lengths), dtype=torch.int64).index_add_(0, of, is_new.long()) == lengths
            is_new = whole[of]
            self._groups.append(lengths[whole])
        self.add_rows(f"{name}/train", table.row_ids[is_new])

    def add_rows(self, name: str, rows: Tensor) -> None:
        """Take rows that are new."""
        if len(rows):
            self._rows.append(rows)
            self._tables.append(_counted(name, len(rows)))

    def transfer_set(self, name: str) -> TransferSet:
        """All of them; ``name`` is that of the task's own table."""
        rows, inputs, offsets = torch.cat(self._rows), self._own.inputs, None
        tokens = token_offsets(inputs)
        if self._kind.per_token and tokens is not None:
            offsets = _ends(tokens[rows + 1] - tokens[rows])
        groups = _ends(torch.cat(self._groups)) if self._groups else None
        return TransferSet(
            examples=replace(self._own, row_ids=rows, offsets=offsets, groups=groups),
            tables=(_counted(name, len(self._own)), *self._tables),
            left_out=tuple(self._left_out),
        )


def _counted(table: str, rows: int) -> TaughtRows:
    return TaughtRows(table=table, rows=rows, drawn=rows)


def _ends(lengths: Tensor) -> Tensor:
    """Where what is so long begins, and where the last ends."""
    return torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])


def _pieces(rows: range) -> Iterator[range]:
    return (rows[start : start + _ROWS] for start in range(0, len(rows), _ROWS))


def _probable(task: Task, soft: SoftTable, examples: Examples[Tensor], rows: range) -> NDArray[np.float32]:
    """How probable a teacher holds what it answers of each row [n]: the mean over the answers of a row."""
    kind, offsets = kind_of(task), examples.offsets
    first, last = (rows.start, rows.stop) if offsets is None else (int(offsets[rows.start]), int(offsets[rows.stop]))
    outputs = soft.take(torch.arange(first, last)).numpy()
    assert kind.confidence is not None  # noqa: S101 - the caller has asked
    found = kind.confidence(outputs, kind.predict(task, outputs))
    likeliest = found if kind.is_exclusive else np.maximum(found, 1 - found)
    by_label: NDArray[np.float32] = likeliest if likeliest.ndim == 1 else likeliest.mean(axis=1)
    if offsets is None:
        return by_label
    bounds = offsets[rows.start : rows.stop + 1].numpy() - first
    return (np.add.reduceat(by_label, bounds[:-1]) / np.diff(bounds)).astype(np.float32)

"""Where the rows of each train table stand, once those of one layout lie one below the other in one table."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, Inputs, end_to_end, structure
from ray_mtlkd.setups.validated import ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of


@dataclass(frozen=True)
class Made:
    """What is made of the tables that a group of tasks reads.

    Attributes:
        layout: Of all of them.
        splits: Inputs of train, valid and test.
        unlabelled: Of the tables without labels, as `unlabelled_tables` has them.
    """

    layout: Layout
    splits: tuple[Inputs[Array], ...]
    unlabelled: tuple[Inputs[Array], ...]


@dataclass(frozen=True)
class Placed:
    """The same, with the rows of other tasks beside those of train.

    Attributes:
        layout: Likewise.
        splits: Inputs of train, valid and test.
        start: The row where the group's own train table begins.
        unlabelled: Likewise that of each table without labels, by its id.
    """

    layout: Layout
    splits: tuple[Inputs[Array], ...]
    start: int
    unlabelled: Mapping[int, int]

    def unlabelled_rows(self, task: ValidatedTask) -> NDArray[np.int64] | None:
        """Rows that a task of the group has beside its labelled ones; None where it has none, or only whole groups."""
        train, table = task.splits["train"], task.unlabelled
        if kind_of(task.task).per_group:
            return None
        without = np.ones(train.inputs.num_rows, np.bool_)
        without[train.row_ids] = False
        rows = self.start + np.flatnonzero(without)
        if table is not None:
            rows = np.concatenate([rows, self.unlabelled[id(table)] + np.arange(table.num_rows)])
        return rows.astype(np.int64) if len(rows) else None


def unlabelled_tables(tasks: Sequence[ValidatedTask]) -> list[pa.Table]:
    """The tables without labels that some tasks name, each once."""
    found = {id(task.unlabelled): task.unlabelled for task in tasks if task.unlabelled is not None}
    return list(found.values())


def place(groups: Sequence[Sequence[ValidatedTask]], made: Sequence[Made]) -> list[Placed]:
    """The tables of groups of tasks that read the same ones, with one train table for all of one layout."""
    alike: dict[Hashable, list[Inputs[Array]]] = {}
    heights: dict[Hashable, int] = {}

    def put(key: Hashable, table: Inputs[Array], rows: int) -> int:
        alike.setdefault(key, []).append(table)
        heights[key] = heights.get(key, 0) + rows
        return heights[key] - rows

    keys, starts, beside = [], [], []
    for tasks, each in zip(groups, made, strict=True):
        keys.append((each.layout, structure(each.splits[0])))
        starts.append(put(keys[-1], each.splits[0], tasks[0].splits["train"].inputs.num_rows))
        tables = zip(unlabelled_tables(tasks), each.unlabelled, strict=True)
        beside.append({id(table): put(keys[-1], inputs, table.num_rows) for table, inputs in tables})
    joined = {key: end_to_end(tables) for key, tables in alike.items()}
    parts = zip(made, keys, starts, beside, strict=True)
    return [Placed(each.layout, (joined[key], *each.splits[1:]), start, own) for each, key, start, own in parts]

"""Which other columns of a table are labels of tasks of their own, of the same rows."""

import pyarrow as pa

from ray_mtlkd.setups.proposal.folder import safe_name
from ray_mtlkd.setups.proposal.labels import LabelGuess

_OF_ROWS = frozenset({"binary", "multiclass", "multilabel", "regression"})
"""Kinds of which several can have the same rows and inputs."""
_OF_ONE_CLASS = frozenset({"binary", "multiclass"})


def labels_of_rows(label: LabelGuess) -> tuple[tuple[LabelGuess, ...], tuple[str, ...]]:
    """A table's label and those beside it that can be tasks; and what is to be said of the others."""
    found, notes = [label], []
    for other in label.others:
        name = other.column.name
        same = next((each.column.name for each in found if _says_the_same(each, other)), None)
        if same is not None:
            notes.append(f"{name} is called like a label, and says the same as {same}")
        elif not {label.kind, other.kind} <= _OF_ROWS or _task_name(other) in map(_task_name, found):
            notes.append(f"{name} is called like a label: a task of its own?")
        else:
            found.append(other)
    return tuple(found), tuple(notes)


def _task_name(label: LabelGuess) -> str:
    return safe_name(label.column.name).casefold()


def _says_the_same(one: LabelGuess, other: LabelGuess) -> bool:
    """Whether each class of one stands beside one class of the other alone: a number and its name."""
    first, second = one.column, other.column
    if not {one.kind, other.kind} <= _OF_ONE_CLASS or len(first.values) != len(second.values):
        return False
    pairs = pa.table({"first": first.values, "second": second.values}).group_by(["first", "second"]).aggregate([])
    return bool(pairs.num_rows == first.distinct == second.distinct)

"""How much each train label counts in its task's loss: a column of the table, the label's class, or both."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import nulls, numbers, said_rows
from ray_mtlkd.setups.csv_format import PLAIN_MARKS, NumberMarks
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.tasks.task import Task

Weights = NDArray[np.float64]


def read_weights(column: pa.Array, *, where: str, marks: NumberMarks = PLAIN_MARKS) -> Weights:
    """The weight of each row [M], 0 or above.

    Args:
        column: In one piece and in a plain type.
        where: Names it in errors.
        marks: What stands in numbers that are texts.

    Raises:
        MtlkdError: where the column holds something else.
    """
    found = numbers(column, where=where, missing=(), marks=marks).column
    if found.null_count:
        fix = "give every row a weight: 1 counts as usual, 0 not at all"
        raise MtlkdError(f"{said_rows(nulls(found))} have no weight", where=where, fix=fix)
    values: Weights = found.to_numpy(zero_copy_only=False).astype(np.float64)
    if (values < 0).any():
        raise MtlkdError(f"{said_rows(values < 0)} have a weight below 0", where=where, fix="give 0 or more")
    return values


def label_weights(
    task: Task, spec: TaskSpec, labels: NDArray[np.generic], rows: Weights | None, *, where: str
) -> Weights | None:
    """What each label of train counts, 1 on average; None where all count alike.

    Balanced classes count alike in all: a class's weight is 1 over the share that its labels have, by the rows' weights
    where there are some.

    Args:
        task: With its classes.
        spec: What the manifest says of it.
        labels: Of the labelled rows; class by class where classes have weights.
        rows: The weight of each label's row; None where rows have none.
        where: The task, in the manifest.

    Raises:
        MtlkdError: where classes are named wrongly, or no label counts.
    """
    if rows is None and spec.class_weights is None:
        return None
    found = np.ones(len(labels)) if rows is None else rows
    if spec.class_weights is not None:
        codes = labels.astype(np.int64)
        found = found * _class_weights(task, spec, codes, found, where=f"{where}.class_weights")[codes]
    if not found.sum() > 0:
        fix = "give some labelled rows a weight above 0"
        raise MtlkdError("no label counts", where=f"{where}.weight_column", fix=fix)
    weights: Weights = found / found.mean()
    return weights


def _class_weights(task: Task, spec: TaskSpec, codes: NDArray[np.int64], rows: Weights, *, where: str) -> Weights:
    """By code [K]."""
    if isinstance(spec.class_weights, dict):
        given = spec.class_weights
        unknown = sorted(given.keys() - set(task.classes))
        missing = [name for name in task.classes if name not in given]
        if unknown or missing:
            said = f"{unknown[0]!r} is no class of train" if unknown else f"{missing[0]!r} has no weight"
            fix = f"give one for each of: {', '.join(task.classes[:20])}"
            raise MtlkdError(said, where=where, fix=fix)
        return np.array([given[name] for name in task.classes])
    counted = np.bincount(codes, weights=rows, minlength=len(task.classes))
    return np.divide(1.0, counted, out=np.zeros_like(counted), where=counted > 0)

"""What the trivial predictor of a task reaches."""

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.examples import Split
from ray_mtlkd.setups.validated import ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.metrics import trivial


def trivial_metric(task: ValidatedTask, split: Split) -> float:
    """The task's metric on a split, of the predictor that knows only the train labels."""
    return trivial(task.task, task.splits["train"].labels, task.splits[split].labels, label_offsets(task, split))


def label_offsets(task: ValidatedTask, split: Split) -> NDArray[np.int64] | None:
    """Where each group's rows, or each labelled row's tokens, begin among the labels; None where rows are alone."""
    groups = task.splits[split].groups
    return token_offsets(task, split) if groups is None else groups


def token_offsets(task: ValidatedTask, split: Split) -> NDArray[np.int64] | None:
    """Where each labelled row's tokens begin among the labels [N+1]; None where there is a label a row."""
    if not kind_of(task.task).per_token:
        return None
    rows = task.splits[split]
    lengths = pc.list_value_length(rows.inputs[task.spec.input_columns[0]]).to_numpy()[rows.row_ids]
    offsets: NDArray[np.int64] = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets

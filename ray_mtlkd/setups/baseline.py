"""What the trivial predictor of a task reaches."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.setups.raw import RawTask
from ray_mtlkd.tasks.examples import Split
from ray_mtlkd.tasks.metrics import trivial


def trivial_metric(task: RawTask, split: Split) -> float:
    """The task's metric on a split, of the predictor that knows only the train labels."""
    return trivial(task.task, task.splits["train"].labels, task.splits[split].labels, token_offsets(task, split))


def token_offsets(task: RawTask, split: Split) -> NDArray[np.int64] | None:
    """Where each row's tokens begin [N+1]; None for other kinds than tagging."""
    if task.task.kind != "tagging":
        return None
    column = task.splits[split].inputs[task.spec.input_columns[0]].combine_chunks()
    offsets: NDArray[np.int64] = column.offsets.to_numpy()
    return offsets

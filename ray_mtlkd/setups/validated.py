"""A setup's validated tables, before they become features."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.examples import Split
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.setups.manifest import Manifest, TaskSpec
from ray_mtlkd.tasks.task import Task


@dataclass(frozen=True)
class ValidatedSplit:
    """One table of one task.

    Attributes:
        inputs: Input columns of all M rows of the file, or of those that are drawn; tasks that read the same ones hold
            the same object.
        labels: Of the N labelled rows, as ``tasks.examples`` has them.
        row_ids: Places of the labelled rows in the inputs [N], ascending; where rows belong to groups, group by group.
        groups: Where each group's rows begin among the labels [G+1]; None where rows have no groups.
        weights: Of train: what each label counts in the loss, 1 on average; None where all count alike.
    """

    inputs: pa.Table
    labels: Array
    row_ids: NDArray[np.int64]
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class ValidatedTask:
    """One task with its three validated tables.

    Attributes:
        unlabelled: Input columns of a table without labels; tasks that name the same one hold the same object.
    """

    task: Task
    spec: TaskSpec
    splits: Mapping[Split, ValidatedSplit]
    unlabelled: pa.Table | None = None


@dataclass(frozen=True)
class ValidatedSetup:
    """All tasks of a setup as validated tables, and what the door let pass but a reader should know."""

    manifest: Manifest
    tasks: tuple[ValidatedTask, ...]
    warnings: tuple[str, ...]

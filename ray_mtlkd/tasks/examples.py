"""Featurised tables: what a setup hands to training."""

import warnings
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, Literal

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.tasks.inputs import A, Array, Inputs, Layout
from ray_mtlkd.tasks.task import Task

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Examples(Generic[A]):
    """One split of one task.

    Attributes:
        inputs: N rows.
        labels: binary and regression [N] float32; multiclass [N] int64; tagging [tokens] int64, row after row;
            multilabel [N, K'] float32 of 0 and 1. A label unseen in train is -1 (multiclass, tagging) or a column
            beyond the task's K classes (multilabel): it counts as a miss. Train has none of these.
        row_ids: [N] int64, the rows' places in the file.
    """

    inputs: Inputs[A]
    labels: A
    row_ids: A

    def __len__(self) -> int:
        return len(self.row_ids)


@dataclass(frozen=True)
class TaskTables(Generic[A]):
    """One task with its three tables, and the trivial predictor's metric on validation and test."""

    task: Task
    layout: Layout
    train: Examples[A]
    valid: Examples[A]
    test: Examples[A]
    trivial_valid: float
    trivial_test: float


@dataclass(frozen=True)
class SetupTables(Generic[A]):
    """All tasks that one model learns together.

    Attributes:
        fingerprint: Hash of everything in the tables: the same data gives the same fingerprint.
        warnings: What the door let pass but a reader should know.
    """

    name: str
    tasks: tuple[TaskTables[A], ...]
    fingerprint: str
    warnings: tuple[str, ...] = ()


def as_tensors(value: SetupTables[Array], device: torch.device | str = "cpu") -> SetupTables[Tensor]:
    """The same tables as tensors: views of the numpy arrays on a CPU (never write into them), copies on a GPU."""
    tables: SetupTables[Tensor] = _map(value, torch.device(device))
    return tables


def _map(value: Any, device: torch.device) -> Any:
    if isinstance(value, np.ndarray):
        return _view(value).to(device)
    if isinstance(value, tuple):
        return tuple(_map(item, device) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return type(value)(**{part.name: _map(getattr(value, part.name), device) for part in fields(value)})
    return value


def _view(array: Array) -> Tensor:
    # torch warns that a read-only array must not be written to; `Inputs.take` and indexing with row numbers copy,
    # and nothing else touches a table.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)

"""Featurised tables: what a setup hands to training."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Generic, Literal

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import A, Array, Inputs, flat_index, token_offsets
from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.tasks.task import Task

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class Examples(Generic[A]):
    """One split of one task.

    Attributes:
        inputs: All M >= N rows of the file; of train, of the files of all tasks that have one layout, one below the
            other, so that any of them can learn from any row. Tasks that may read the same rows hold the same object.
        labels: Of the N labelled rows: binary and numbers [N] float32; multiclass [N] int64; tagging [tokens] int64,
            row after row; multilabel [N, K'] float32 of 0 and 1. A label unseen in train is -1 (multiclass, tagging) or
            a column beyond the task's K classes (multilabel): it counts as a miss. Train has none of these.
        row_ids: [N] int64, the labelled rows' places in ``inputs``, ascending; where rows belong to groups, ascending
            in each group.
        offsets: Tagging only: where each labelled row's tokens begin in ``labels`` [N+1] int64.
        groups: Ranking only: where each group's rows begin in ``labels`` [G+1] int64.
        weights: Train only: what each label counts in the loss, as many as ``labels`` has rows, float32, 1 on average;
            None where all count alike, and where groups have the losses.
    """

    inputs: Inputs[A]
    labels: A
    row_ids: A
    offsets: A | None = None
    groups: A | None = None
    weights: A | None = None

    @property
    def label_offsets(self) -> A | None:
        """Where the labels of what is measured together begin: a group's rows, or a row's tokens; None for rows."""
        return self.offsets if self.groups is None else self.groups

    def __len__(self) -> int:
        return len(self.row_ids)

    def batches(self: "Examples[Tensor]", at: Tensor, sizes: Sequence[int]) -> Sequence[Inputs[Tensor]]:
        """Inputs of the labelled rows that stand at ``at`` [B] int64 among them, in batches of ``sizes``, copied."""
        return self.inputs.batches(self.row_ids[at], sizes)

    def places(self: "Examples[Tensor]", at: Tensor) -> Tensor:
        """Where the labels of the labelled rows ``at`` [B] stand in ``labels``: [B], or [tokens] for tagging."""
        return at if self.offsets is None else flat_index(self.offsets, at)[0]

    def outputs(self: "Examples[Tensor]", rows: Tensor, kept: Tensor) -> Tensor:
        """Where a network's outputs for some rows of a batch stand: [n], or [tokens] for tagging.

        Args:
            rows: Of the file, which the batch holds [B].
            kept: Places among them [n].
        """
        offsets = token_offsets(self.inputs)
        if self.offsets is None or offsets is None:
            return kept
        lengths = offsets[rows + 1] - offsets[rows]
        return flat_index(torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]), kept)[0]


@dataclass(frozen=True)
class GivenLabels(Generic[A]):
    """What a teacher from elsewhere says of a task's train table.

    Attributes:
        outputs: Raw outputs, as many as ``labels`` has rows: [N], [N, K] or [tokens, K] float32; minus infinity where a
            class has no probability.
        value: What the teacher reaches on the task's validation table; None where nobody knows.
        source: Where they are from.
    """

    outputs: A
    value: float | None
    source: str


@dataclass(frozen=True)
class TaskTables(Generic[A]):
    """One task with its three tables, and the trivial predictor's metric on validation and test.

    Attributes:
        given: Soft labels of train that were there before the sweep; None where there are none.
        unlabelled: Rows of ``train.inputs`` that the task has without a label [U] int64; None where there are none.
        pretrained: What the encoder's parameters start from, the same object for all tasks; None: they are drawn.
    """

    task: Task
    layout: Layout
    train: Examples[A]
    valid: Examples[A]
    test: Examples[A]
    trivial_valid: float
    trivial_test: float
    given: GivenLabels[A] | None = None
    unlabelled: A | None = None
    pretrained: PretrainedWeights[A] | None = None


@dataclass(frozen=True)
class SetupTables(Generic[A]):
    """All tasks that one model learns together.

    Attributes:
        fingerprint: Hash of everything in the tables: the same data gives the same fingerprint.
        shares_rows: Whether all tasks label rows of one table (single-input), so that one batch serves all of them.
        warnings: What the door let pass but a reader should know.
    """

    name: str
    tasks: tuple[TaskTables[A], ...]
    fingerprint: str
    shares_rows: bool = False
    warnings: tuple[str, ...] = ()


def as_tensors(
    value: SetupTables[Array] | SetupTables[Tensor], device: torch.device | str = "cpu"
) -> SetupTables[Tensor]:
    """The same tables as tensors: views of the numpy arrays on a CPU (never write into them), copies on a GPU.

    Row numbers and offsets stay with the host (see `ray_mtlkd.data.inputs`).
    """
    tables: SetupTables[Tensor] = _map(value, torch.device(device), {})
    return tables


def unlabelled(inputs: Inputs[Array], rows: int, device: torch.device | str = "cpu") -> Examples[Tensor]:
    """All ``rows`` rows of some inputs, ready to be predicted; views of the arrays on a CPU, copies on a GPU."""
    tensors: Inputs[Tensor] = _map(inputs, torch.device(device), {})
    return Examples(tensors, torch.zeros(0, device=device), torch.arange(rows))


_HOST = torch.device("cpu")
_FOR_THE_HOST = frozenset({"row_ids", "offsets", "groups", "unlabelled"})


def _map(value: Any, device: torch.device, known: dict[int, Any]) -> Any:
    """The value with tensors for arrays; what is one object before is one object afterwards (``known`` by id)."""
    if id(value) not in known:
        known[id(value)] = _convert(value, device, known)
    return known[id(value)]


def _convert(value: Any, device: torch.device, known: dict[int, Any]) -> Any:
    if isinstance(value, np.ndarray):
        return viewed(value).to(device)
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple):
        return tuple(_map(item, device, known) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        homes = {part.name: _HOST if part.name in _FOR_THE_HOST else device for part in fields(value)}
        return type(value)(**{name: _map(getattr(value, name), home, known) for name, home in homes.items()})
    return value


def viewed(array: Array) -> Tensor:
    """The array as a tensor, never to be written to where the array must not be."""
    # torch warns that a read-only array must not be written to; `batches` and indexing with row numbers copy,
    # and nothing else touches a table.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)

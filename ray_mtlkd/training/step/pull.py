"""How hard a task's losses pull at the shared parameters: that on its labels, and that on what its teacher says."""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor, nn

from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.torch_private import content
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch, batch_sizes, stream
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.sparse import total
from ray_mtlkd.training.step.weighing import refuse_infinite_loss

PASSES = 2
"""Backward passes of a batch that is measured, one a loss: it costs as many task batches."""
_MOST = 8
"""Batches by which a task is measured."""
_STILL = 1e-3
"""Of the pull of labels: a student that has moved on from its teacher is pulled a hundred times as hard at least."""


@dataclass(frozen=True, kw_only=True)
class Pull:
    """Root mean squares over batches of the norms of a task's shared gradients.

    Attributes:
        labels: Of the loss on labels.
        teacher: Of the distillation loss.
        batches: Over how many batches; both are 0 where none was measured.
    """

    labels: float
    teacher: float
    batches: int

    @property
    def still(self) -> bool:
        """Whether the student was as good as its teacher itself, so that nothing can be told of how it will pull."""
        return self.teacher <= _STILL * self.labels

    def weight(self, most: float) -> float:
        """Factor in [0, 1] on the distillation loss under which it pulls at most ``most`` times as hard as labels did.

        1 where the teacher does not pull at all.
        """
        return min(1.0, most * self.labels / self.teacher) if self.teacher > 0 else 1.0


class Pulls:
    """Measures the losses of tasks on a model in training, and leaves it as it is, chance included.

    Args:
        model: Whose shared parameters are pulled at.
        objective: Of this model.
        job: Its tables, the sizes of their batches, and the seed.
    """

    def __init__(self, model: MultitaskModel, objective: Objective, job: Job) -> None:
        self._model = model
        self._objective = objective
        self._tables = job.tables.tasks
        self._batch_sizes = batch_sizes(job.configuration.training, job.tables)
        self._parts = job.configuration.training.accumulation
        self._seed = job.seed
        self._shared = (*model.shared(), *model.shared_sparse())

    def measure(self, task: int, soft: SoftTarget, *, step: int, most: int) -> Pull:
        """The pull of a task's loss on labels, and of that on ``soft``, on the same batches of its own table.

        Their rows come in an order of their own, which seed, task and step decide, as they do what is dropped out.

        Args:
            task: Its index.
            soft: What it would learn from.
            step: Physical steps so far.
            most: Batches that may be measured, which are 8 and an epoch at most.

        Raises:
            MtlkdError: where a gradient is NaN or infinite.
        """
        table, size = self._tables[task], self._batch_sizes[task]
        order = f"{table.task.name}/switched at {step}"
        batches = stream(table, task=task, batch_size=size, parts=self._parts, seed=self._seed, order=order)
        count = min(_MOST, math.ceil(len(table.train) / size), most)
        if count < 1 or not self._shared:
            return Pull(labels=0.0, teacher=0.0, batches=0)
        with _unmoved(self._model, f"{self._seed}/{order}"):
            squares = [self._squares(batches.draw(), {task: soft}) for _ in range(count)]
        labels, teacher = (math.sqrt(fmean(each)) for each in zip(*squares, strict=True))
        for norm in (labels, teacher):
            refuse_infinite_loss("gradient's norm", norm, where=f"task {table.task.name}")
        return Pull(labels=labels, teacher=teacher, batches=count)

    def _squares(self, parts: Sequence[Batch], soft: Mapping[int, SoftTarget]) -> tuple[float, float]:
        """Squared norms of the gradients over a batch: of the loss on labels, and of that on what the teacher says."""
        by_labels, by_teacher = [], []
        for part in parts:
            outputs = self._objective.outputs(part)
            hard, taught = (self._objective.losses(part.targets, outputs, each).sum() for each in ({}, soft))
            by_labels.append(torch.autograd.grad(hard, self._shared, retain_graph=True, allow_unused=True))
            by_teacher.append(torch.autograd.grad(taught, self._shared, allow_unused=True))
        return _square(by_labels), _square(by_teacher)


def _square(gradients: Sequence[Sequence[Tensor | None]]) -> float:
    """Squared norm of the sum of a batch's parts, over all parameters."""
    by_parameter = ([part for part in parts if part is not None] for parts in zip(*gradients, strict=True))
    return sum(_summed(parts).square().sum().item() for parts in by_parameter if parts)


def _summed(parts: Sequence[Tensor]) -> Tensor:
    """The sum of gradients of one parameter; of sparse ones its values."""
    return content(total(parts))[1] if parts[0].is_sparse else torch.stack(list(parts)).sum(dim=0)


@contextmanager
def _unmoved(model: MultitaskModel, key: str) -> Iterator[None]:
    """Train mode, in which chance comes from ``key``; torch's generators and the model's own buffers are put back.

    Buffers that no state dict has are nobody's to write to: those that stay as they are lie in memory of all trials.
    """
    state = model.state_dict(keep_vars=True).values()
    buffers = [(tensor, tensor.clone()) for tensor in state if not isinstance(tensor, nn.Parameter)]
    device = next(model.parameters()).device
    model.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=7).digest()))
        yield
    for buffer, before in buffers:
        buffer.copy_(before)

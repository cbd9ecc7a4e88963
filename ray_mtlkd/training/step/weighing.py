"""What a step does between the forward pass and the optimizer: losses, a balancer's weights, gradients."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.strategies.balancers.base import Needs, Weights
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What one step did, for the A tasks that took a batch: losses [A], shared weights [A], gram [A][A] where measured.

    A task takes none where it waits, has stopped, or labels no row of a batch that all tasks share. ``lr`` is the
    learning rate at which the step was taken; 0 before it was.
    """

    tasks: tuple[int, ...]
    losses: tuple[float, ...]
    weights: tuple[float, ...]
    gram: tuple[tuple[float, ...], ...]
    lr: float = 0.0


@dataclass(frozen=True, kw_only=True)
class TaskMeasures:
    """What a balancer is told of the A tasks that took a batch: losses [A], norms [A] and gram [A][A] where it asks."""

    tasks: tuple[int, ...]
    losses: tuple[float, ...]
    norms: tuple[float, ...] = ()
    gram: tuple[tuple[float, ...], ...] = ()

    def report(self, weights: Weights) -> StepReport:
        """What a step did under these weights."""
        return StepReport(tasks=self.tasks, losses=self.losses, weights=weights.shared, gram=self.gram)


class Weigh(Protocol):
    """The balancer's word."""

    def __call__(self, measured: TaskMeasures, /) -> Weights:
        """The weights of the tasks.

        Raises:
            MtlkdError: where a loss is NaN or infinite.
        """


class Weighing(Protocol):
    """A way from batches to weighted gradients."""

    def backward(self, batches: Sequence[Batch], *, soft: Mapping[int, SoftTarget], weigh: Weigh) -> StepReport:
        """Set ``.grad`` of every parameter that some task trains.

        Args:
            batches: Of the tasks that train.
            soft: What tasks that distil learn from, by task.
            weigh: Asked once.

        Raises:
            MtlkdError: where ``weigh`` raises it, or its weights do not fit; ``.grad`` is not to be used then.
        """


@dataclass(frozen=True, kw_only=True)
class GradientsAsked:
    """Which gradients a step takes task by task.

    Attributes:
        only_last: Those of the last shared layer alone.
        of_whole_batches: Whether a batch goes through the network as a whole.
    """

    only_last: bool
    of_whole_batches: bool


def matrix_bytes(model: MultitaskModel, *, only_last: bool) -> int:
    """What all tasks' gradients of the shared parameters take, or of the last layer of these, and their sum."""
    covered = model.last_shared() if only_last else model.shared()
    return (model.num_tasks + 1) * sum(p.numel() * p.itemsize for p in covered)


def gradients_for(configuration: Configuration, *, shares_rows: bool) -> GradientsAsked | None:
    """Which gradients are taken task by task; None where weights follow from losses, and a pass is enough."""
    # A batch in parts does not wait for weights: each part's graph is gone before the next one is built.
    needs, whole = configuration.strategy.balancer.needs, configuration.training.accumulation == 1
    if needs == "losses" and whole:
        return None
    return GradientsAsked(only_last=needs == "norms" and shares_rows and whole, of_whole_batches=whole)


def tasks_of(batches: Sequence[Batch]) -> tuple[int, ...]:
    """The tasks that take a batch, ascending."""
    return tuple(sorted({target.task for batch in batches for target in batch.targets}))


def told(batches: Sequence[Batch], losses: Tensor, measured: Tensor, *, needs: Needs) -> TaskMeasures:
    """What a balancer is told of A tasks.

    Args:
        batches: Of the step.
        losses: Of every target, batch by batch.
        measured: The Gramian [A, A] or norms [A]; whatever is not asked for.
        needs: Which of them, if any.
    """
    tasks = tasks_of(batches)
    # one transfer for losses and measurements alike
    numbers = torch.cat([losses, measured.to(losses.device).flatten()]).tolist()
    values: dict[int, float] = defaultdict(float)
    targets = (target for batch in batches for target in batch.targets)
    for target, loss in zip(targets, numbers[: len(losses)], strict=True):
        values[target.task] += loss
    rest = tuple(numbers[len(losses) :])
    return TaskMeasures(
        tasks=tasks,
        losses=tuple(values[task] for task in tasks),
        norms=rest if needs == "norms" else (),
        gram=tuple(zip(*[iter(rest)] * len(tasks), strict=True)) if needs == "gram" else (),
    )


def refuse_infinite_loss(what: str, value: float, *, where: str) -> None:
    """Raise where a loss is NaN or infinite.

    Raises:
        MtlkdError: naming ``where``.
    """
    if not math.isfinite(value):
        fix = "lower training.lr, or look for extreme values in the task's inputs and labels"
        raise MtlkdError(f"the {what} is {value}", where=where, fix=fix)

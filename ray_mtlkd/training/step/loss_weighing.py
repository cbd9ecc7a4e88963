"""Weights from losses alone: one backward pass of their weighted sum."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.data.device import on_device
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.training.optimizer.optimizer import Optimizer
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.weighing import StepReport, TaskMeasures, Weigh, tasks_of


class LossWeighing:
    """Weighs each loss as a whole.

    Args:
        objective: Gives outputs and losses.
        optimizer: Takes the sparse gradients of each batch aside where several batches read one table.
        shares_tables: Whether tasks share parameters with sparse gradients.
        balancer: Its name, for errors.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer, *, shares_tables: bool, balancer: str) -> None:
        self._objective = objective
        self._optimizer = optimizer
        self._shares_tables = shares_tables
        self._balancer = balancer

    def backward(self, batches: Sequence[Batch], *, soft: Mapping[int, SoftTarget], weigh: Weigh) -> StepReport:
        """Set ``.grad`` to the gradient of the weighted losses.

        Raises:
            MtlkdError: where ``weigh`` raises it, or gives heads other weights.
        """
        tasks = tasks_of(batches)
        targets = [target for batch in batches for target in batch.targets]
        outputs = [self._objective.outputs(batch) for batch in batches]
        losses = self._objective.losses(targets, [found for each in outputs for found in each], soft)
        measured = TaskMeasures(tasks=tasks, losses=tuple(losses.tolist()))
        weights = weigh(measured)
        if weights.heads != weights.shared:
            raise MtlkdError(
                "a balancer that needs losses alone weighs each loss as a whole, but gave heads other weights",
                where=f"balancer {self._balancer}",
                fix='return the same weights for heads, or need "norms" or "gram"',
            )
        self._backward(losses, on_device(weights.shared, losses), outputs)
        return measured.report(weights)

    def _backward(self, losses: Tensor, weights: Tensor, outputs: Sequence[Sequence[Tensor]]) -> None:
        """The gradient of the weighted losses [A] of batches with the given outputs."""
        if len(outputs) == 1 or not self._shares_tables:
            losses.backward(weights)  # type: ignore[no-untyped-call]
            return
        seeds = iter(torch.autograd.grad(losses, [found for each in outputs for found in each], weights))
        for each in outputs:
            torch.autograd.backward(each, [next(seeds) for _ in each])
            self._optimizer.put_aside()

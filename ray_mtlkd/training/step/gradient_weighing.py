"""Weights from the tasks' gradients on shared parameters: a gradient a task, and then their weighted sum."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.strategies.balancers.base import Needs
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch
from ray_mtlkd.training.step.gradients import SharedGradients
from ray_mtlkd.training.step.objective import Objective
from ray_mtlkd.training.step.weighing import StepReport, Weigh, tasks_of, told


class GradientWeighing:
    """Weighs each task's gradient on shared parameters, and its own parameters' gradients likewise.

    Args:
        model: In training mode.
        objective: Gives outputs and losses.
        needs: What the balancer is told.
        only_last: Whether the last shared layers are all that is measured and weighed apart.
    """

    def __init__(self, model: MultitaskModel, objective: Objective, *, needs: Needs, only_last: bool) -> None:
        self._objective = objective
        self._needs = needs
        self._matrix = SharedGradients(model, only_last=only_last)
        matrix = self._matrix
        self._measure = {"losses": _nothing, "norms": matrix.norms, "gram": matrix.gram}[needs]

    def backward(self, batches: Sequence[Batch], *, soft: Mapping[int, SoftTarget], weigh: Weigh) -> StepReport:
        """Set ``.grad`` to the weighted gradients.

        Raises:
            MtlkdError: where ``weigh`` raises it.
        """
        tasks = tasks_of(batches)
        self._matrix.begin(tasks)
        losses = torch.cat([self._backward(batch, soft) for batch in batches])
        self._matrix.gather(tasks)
        measured = told(batches, losses, self._measure(tasks), needs=self._needs)
        weights = weigh(measured)
        self._matrix.combine(tasks, weights.shared)
        for task, weight in zip(tasks, weights.heads, strict=True):
            if weight != 1.0:
                for parameter in self._matrix.own[task]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(weight)
        return measured.report(weights)

    def _backward(self, batch: Batch, soft: Mapping[int, SoftTarget]) -> Tensor:
        """The batch's losses [A], each scaled by its share of the task's labels, after their backward."""
        tasks = [target.task for target in batch.targets]
        if len(tasks) == 1 or not self._objective.is_split:
            losses = self._objective.losses(batch.targets, self._objective.outputs(batch), soft)
            self._matrix.backward(tasks, losses)
            return losses.detach()
        representations = self._objective.represent(batch)
        leaves = [tuple(tensor.detach().requires_grad_() for tensor in each) for each in representations]
        losses = self._objective.losses(batch.targets, self._objective.read(batch, leaves), soft)
        losses.backward(torch.ones_like(losses))  # type: ignore[no-untyped-call]
        gradients = [[leaf.grad for leaf in each] for each in leaves]
        self._matrix.backward_through(tasks, representations, gradients)
        return losses.detach()


def _nothing(_tasks: Sequence[int]) -> Tensor:
    return torch.zeros(0)

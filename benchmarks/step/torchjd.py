"""TorchJD as its documentation uses it for several tasks."""

import torch
from torch import Tensor
from torchjd import aggregation, scalarization
from torchjd.autojac import jac_to_grad, mtl_backward

from benchmarks.step.bare import Batches
from benchmarks.step.problem import LEARNING_RATE, Problem


class Scalarized(Batches):
    """One loss out of all: `torchjd.scalarization`."""

    def __init__(self, problem: Problem, scalarizer: scalarization.Scalarizer) -> None:
        super().__init__(problem)
        self._scalarizer = scalarizer
        parameters = [*self.network.parameters(), *scalarizer.parameters()]
        self._optimizer = torch.optim.Adam(parameters, lr=LEARNING_RATE)

    def step(self, at: int) -> None:
        """One step."""
        self._scalarizer(torch.stack(self.losses(at, self.features(at)))).backward()
        self._optimizer.step()
        self._optimizer.zero_grad()


class Aggregated(Batches):
    """One gradient out of all tasks': `torchjd.autojac.mtl_backward`, then `jac_to_grad` on the shared layers.

    Args:
        problem: What to learn.
        aggregator: What becomes of the Jacobian.
        chunk: TorchJD's ``parallel_chunk_size``; None, its default, differentiates for all tasks at once.
    """

    def __init__(self, problem: Problem, aggregator: aggregation.Aggregator, *, chunk: int | None) -> None:
        super().__init__(problem)
        self._aggregator = aggregator
        self._chunk = chunk
        self._optimizer = torch.optim.Adam(self.network.parameters(), lr=LEARNING_RATE)

    def step(self, at: int) -> None:
        """One step."""
        features = self.features(at)
        losses = self.losses(at, features)
        # tasks that share rows also share one tensor of features
        read: Tensor | list[Tensor] = features[0] if self.problem.size.shared else features
        mtl_backward(losses, features=read, parallel_chunk_size=self._chunk)
        jac_to_grad(self.network.trunk.parameters(), self._aggregator)
        self._optimizer.step()
        self._optimizer.zero_grad()


def total(problem: Problem) -> Scalarized:
    """The sum of the losses."""
    return Scalarized(problem, scalarization.Sum())


def uncertainty(problem: Problem) -> Scalarized:
    """Learned uncertainties."""
    return Scalarized(problem, scalarization.UW(problem.size.tasks))


def pcgrad(problem: Problem, *, chunk: int | None = None) -> Aggregated:
    """PCGrad."""
    return Aggregated(problem, aggregation.PCGrad(), chunk=chunk)

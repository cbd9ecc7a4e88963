"""The loop that everything is compared to: plain PyTorch, the sum of the losses, Adam as it comes."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.step.problem import CLASSES, WIDTH, Problem


class Network(nn.Module):
    """Linear and ReLU layers that all tasks share, a linear head for each; starts as the problem's own model does."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = WIDTH
        for outputs in problem.size.hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            inputs = outputs
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear(inputs, CLASSES) for _ in range(problem.size.tasks))
        with torch.no_grad():
            for mine, first in zip(self.parameters(), problem.model().parameters(), strict=True):
                if mine.shape != first.shape:
                    raise ValueError(f"parameters of shape {tuple(mine.shape)} and {tuple(first.shape)} do not match")
                mine.copy_(first)


class Batches:
    """A network and the batches of its steps, gathered by row number from the tables in memory.

    The row numbers are there before the step; ``table[rows]`` is how a loop by hand is mostly written.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.network = Network(problem)

    def parameters(self) -> list[Tensor]:
        """What is learned, in the order of the problem's own model."""
        return list(self.network.parameters())

    def labels(self, at: int) -> Iterator[Tensor]:
        """Of each task's batch."""
        for labels, rows in zip(self.problem.labels, self.problem.draws[at], strict=True):
            yield labels[rows]

    def features(self, at: int) -> list[Tensor]:
        """What each head reads: one forward a task, or one for all of them [T]."""
        inputs, draws = self.problem.inputs, self.problem.draws[at]
        if self.problem.size.shared:
            return [self.network.trunk(inputs[0][draws[0]])] * len(draws)
        return [self.network.trunk(table[rows]) for table, rows in zip(inputs, draws, strict=True)]

    def losses(self, at: int, features: list[Tensor]) -> list[Tensor]:
        """Each task's mean cross-entropy [T]."""
        return [
            cross_entropy(head(found), labels)
            for head, found, labels in zip(self.network.heads, features, self.labels(at), strict=True)
        ]


class Bare(Batches):
    """The sum of the losses, one backward.

    Args:
        problem: What to learn.
        fused: Whether Adam runs as one kernel, which is not its default on a CPU.
    """

    def __init__(self, problem: Problem, *, fused: bool | None = None) -> None:
        super().__init__(problem)
        self._optimizer = torch.optim.Adam(self.network.parameters(), fused=fused)

    def step(self, at: int) -> None:
        """One step."""
        self._optimizer.zero_grad()
        torch.stack(self.losses(at, self.features(at))).sum().backward()
        self._optimizer.step()

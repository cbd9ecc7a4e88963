"""Running means between two evaluations."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from ray_mtlkd.training.step.weighing import StepReport


class StepMeans:
    """Mean loss and weight of each task, and mean gradient cosine of each pair where the balancer measures it."""

    def __init__(self) -> None:
        self._losses: dict[int, list[float]] = defaultdict(list)
        self._weights: dict[int, list[float]] = defaultdict(list)
        self._cosines: dict[tuple[int, int], list[float]] = defaultdict(list)

    def add(self, step: StepReport) -> None:
        """Take in one step."""
        for at, task in enumerate(step.tasks):
            self._losses[task].append(step.losses[at])
            self._weights[task].append(step.weights[at])
        if step.gram:
            for (i, first), (j, second) in combinations(enumerate(step.tasks), 2):
                size = math.sqrt(step.gram[i][i] * step.gram[j][j])
                if size > 0:
                    self._cosines[first, second].append(step.gram[i][j] / size)

    def loss(self, task: int) -> float | None:
        """Mean training loss; None where the task took no batch."""
        return _mean(self._losses[task])

    def weight(self, task: int) -> float | None:
        """Mean weight in the shared gradient; None where the task took no batch."""
        return _mean(self._weights[task])

    def cosines(self) -> dict[tuple[int, int], float]:
        """Mean cosine of the shared gradients of each pair of tasks."""
        return {pair: sum(values) / len(values) for pair, values in self._cosines.items()}


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

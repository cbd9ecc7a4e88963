"""Running means between two evaluations."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from ray_mtlkd.training.step.agreement import TaskAgreement, agreement
from ray_mtlkd.training.step.weighing import StepReport


class StepMeans:
    """Mean loss and weight of each task, and how their gradients agree where the balancer measures it."""

    def __init__(self) -> None:
        self._losses: dict[int, list[float]] = defaultdict(list)
        self._weights: dict[int, list[float]] = defaultdict(list)
        self._measured: list[tuple[StepReport, frozenset[int]]] = []

    def add(self, step: StepReport, *, distilling: Collection[int] = ()) -> None:
        """Take in one step, and which tasks distilled in it."""
        for at, task in enumerate(step.tasks):
            self._losses[task].append(step.losses[at])
            self._weights[task].append(step.weights[at])
        if step.gram:
            # a step's Gramian waits here: all of them at once take numpy a fraction of what one by one would
            self._measured.append((step, frozenset(distilling)))

    def loss(self, task: int) -> float | None:
        """Mean training loss; None where the task took no batch."""
        return _mean(self._losses[task])

    def weight(self, task: int) -> float | None:
        """Mean weight in the shared gradient; None where the task took no batch."""
        return _mean(self._weights[task])

    def agreement(self, tasks: int) -> TaskAgreement:
        """How the gradients of so many tasks agreed."""
        return agreement(self._measured, tasks=tasks)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None

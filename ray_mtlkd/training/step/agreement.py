"""How the gradients of tasks agree: which tasks belong together, out of Gramians that were measured anyway."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.training.step.weighing import StepReport

Rows = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, kw_only=True)
class TaskAgreement:
    """Sums over steps of how the shared gradients g of tasks agree; [T][T] each, or empty before a Gramian is measured.

    The affinity is that of Fifty et al. 2021 (arXiv:2109.04617), eq. 1, what a step on task i alone takes off the loss
    of task j,

        Z_ij = 1 - L_j(θ - lr g_i) / L_j(θ) ≈ lr (g_i · g_j) / L_j

    to first order: without a look-ahead, it is one division of what the Gramian holds. The step is one of plain
    gradient descent at the step's learning rate. Gradients conflict where cos(g_i, g_j) < 0: Yu et al. 2020
    (arXiv:2001.06782), definition 1.

    Attributes:
        steps: In which both tasks learned from labels: what a teacher leaves of a loss says nothing of the task.
        cosines: Of g_i and g_j.
        affinities: Z_ij: row i says what task i does to others.
        conflicts: In how many of the steps g_i and g_j conflicted.
    """

    steps: Rows = ()
    cosines: Rows = ()
    affinities: Rows = ()
    conflicts: Rows = ()

    def plus(self, other: "TaskAgreement") -> "TaskAgreement":
        """Over the steps of both."""
        if not (self.steps and other.steps):
            return self if self.steps else other
        return TaskAgreement(
            steps=_sum(self.steps, other.steps),
            cosines=_sum(self.cosines, other.cosines),
            affinities=_sum(self.affinities, other.affinities),
            conflicts=_sum(self.conflicts, other.conflicts),
        )

    def mean_cosines(self, task: int) -> list[float | None]:
        """Mean cosine of the task's gradient with each task's [T]; None where the two never met."""
        return _means(self.cosines, self.steps, task)

    def mean_affinities(self, task: int) -> list[float | None]:
        """Mean share of each task's loss that a step on the task's gradient takes off it [T], likewise."""
        return _means(self.affinities, self.steps, task)

    def conflict(self, task: int) -> float | None:
        """Of all pairs of a step and another task in it, the share whose gradient conflicts with the task's, in [0, 1].

        None where the task met no other.
        """
        if not self.steps:
            return None
        met = sum(count for other, count in enumerate(self.steps[task]) if other != task)
        return sum(self.conflicts[task]) / met if met else None


def agreement(steps: Iterable[tuple[StepReport, frozenset[int]]], *, tasks: int) -> TaskAgreement:
    """Of some steps.

    Args:
        steps: Each with the tasks that distilled in it.
        tasks: T.
    """
    alike = defaultdict[tuple[int, ...], list[StepReport]](list)
    for step, distilling in steps:
        if step.gram and len(set(step.tasks) - distilling) > 1:
            alike[tuple(-1 if task in distilling else task for task in step.tasks)].append(step)
    if not alike:
        return TaskAgreement()
    sums = np.zeros((4, tasks, tasks))
    for found, reports in alike.items():
        at = [place for place, task in enumerate(found) if task >= 0]
        square = np.ix_(range(4), [found[place] for place in at], [found[place] for place in at])
        sums[square] += _of(reports, at)
    met, cosines, affinities, conflicts = map(_rows, sums)
    return TaskAgreement(steps=met, cosines=cosines, affinities=affinities, conflicts=conflicts)


def _of(steps: Sequence[StepReport], at: Sequence[int]) -> NDArray[np.float64]:
    """The fields of `TaskAgreement`, of the tasks ``at`` these places and over steps with the same tasks [4, A, A]."""
    gram = np.array([step.gram for step in steps])[:, at][:, :, at]
    losses = np.array([step.losses for step in steps])[:, None, at]
    lr = np.array([step.lr for step in steps])[:, None, None]
    norms = np.sqrt(np.einsum("saa->sa", gram))
    sizes = norms[:, :, None] * norms[:, None, :]
    known = (sizes > 0) & (losses > 0)
    cosines = np.divide(gram, sizes, out=np.zeros_like(gram), where=known)
    affinities = np.divide(lr * gram, losses, out=np.zeros_like(gram), where=known)
    return np.stack([part.sum(axis=0) for part in (known, cosines, affinities, cosines < 0)])


def _rows(matrix: NDArray[np.float64]) -> Rows:
    return tuple(map(tuple, matrix.tolist()))


def _sum(first: Rows, second: Rows) -> Rows:
    return _rows(np.add(first, second))


def _means(sums: Rows, steps: Rows, task: int) -> list[float | None]:
    if not steps:
        return []
    return [total / count if count else None for total, count in zip(sums[task], steps[task], strict=True)]

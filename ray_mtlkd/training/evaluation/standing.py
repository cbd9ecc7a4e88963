"""How a task that has converged stands beside what it knew then: its teacher, or its best evaluation."""

from dataclasses import replace

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict
from ray_mtlkd.training.evaluation.convergence import Tracker, least_gain
from ray_mtlkd.training.evaluation.noise import mean_of
from ray_mtlkd.training.settings import Convergence


def beside(
    verdict: ConvergenceVerdict, tracker: Tracker, *, reference: float, sign: int, rule: Convergence
) -> ConvergenceVerdict:
    """The verdict with what the task retains of a metric, and whether it surpasses its teacher.

    Nothing is said before there are as many evaluations as are smoothed over: since a switch, a few make a mean that is
    mostly luck, of a student that has hardly heard its teacher.

    Args:
        verdict: Of the task.
        tracker: Its evaluations.
        reference: Validation metric of its teacher, or of its best evaluation where it has none.
        sign: +1 where a higher metric is better, else -1.
        rule: What counts as a gain.
    """
    if len(tracker.recent) < rule.smoothing:
        return verdict
    smoothed = mean_of(tracker.recent)
    retained = retention(smoothed.value, reference, sign=sign)
    share = "" if retained is None else f", {retained:.3f} of it"
    reason = f"{smoothed.value:.4f} beside {reference:.4f}{share}; {verdict.reason}"
    mark = tracker.mark
    surpasses = mark is not None and sign * (smoothed.value - mark.value) > least_gain(smoothed, mark, rule)
    return replace(verdict, retained=retained, surpasses=surpasses, reason=reason)


def retention(value: float, reference: float, *, sign: int) -> float | None:
    """A metric over its reference, the inverse where lower is better; None where the divisor is not above 0."""
    above, below = (value, reference) if sign > 0 else (reference, value)
    return above / below if below > 0 else None

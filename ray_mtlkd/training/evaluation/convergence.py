"""When a task has converged: its validation metric has not improved by ``min_delta`` for ``patience`` evaluations."""

import math
from dataclasses import dataclass

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict
from ray_mtlkd.training.settings import Convergence


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A task's validation history in brief.

    Attributes:
        best: Best metric so far, in its own unit; None before the first evaluation.
        best_step: Physical step of that evaluation: where the teacher is taken from.
        anchor: What the next improvement is measured from.
        stale: Evaluations since one gained more than ``min_delta`` over the anchor.
    """

    best: float | None = None
    best_step: int = -1
    anchor: float | None = None
    stale: int = 0


def track(tracker: Tracker, *, value: float, step: int, sign: int, rule: Convergence) -> Tracker:
    """The tracker after one more evaluation.

    The best moves with any gain, the anchor only with one above ``min_delta``: a creep cannot put off convergence step
    by step, and the teacher is still the best evaluation.

    Args:
        tracker: The history so far.
        value: The validation metric, finite.
        step: Physical step of the evaluation.
        sign: +1 where a higher metric is better, else -1.
        rule: Patience and threshold.
    """
    if not math.isfinite(value):
        raise ValueError(f"a validation metric must be finite, got {value}")
    if tracker.best is None or tracker.anchor is None:
        return Tracker(best=value, best_step=step, anchor=value)
    is_best = sign * (value - tracker.best) > 0
    is_gain = sign * (value - tracker.anchor) > rule.min_delta
    return Tracker(
        best=value if is_best else tracker.best,
        best_step=step if is_best else tracker.best_step,
        anchor=value if is_gain else tracker.anchor,
        stale=0 if is_gain else tracker.stale + 1,
    )


def judge(tracker: Tracker, rule: Convergence) -> ConvergenceVerdict:
    """Whether the task has converged, and why."""
    converged = tracker.best is not None and tracker.stale >= rule.patience
    if tracker.best is None:
        reason = "not evaluated yet"
    elif converged:
        reason = (
            f"no gain > {rule.min_delta:g} over {tracker.anchor:.4f} for {tracker.stale} evaluations,"
            f" best {tracker.best:.4f} at step {tracker.best_step}"
        )
    else:
        reason = f"best {tracker.best:.4f} at step {tracker.best_step}, {tracker.stale} of {rule.patience} without gain"
    return ConvergenceVerdict(converged=converged, best_step=tracker.best_step, reason=reason)

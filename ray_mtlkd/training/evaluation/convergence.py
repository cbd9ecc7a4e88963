"""When a task has converged: its smoothed validation metric has not gained for a while, in evaluations and in epochs.

With m_e the metric at evaluation e, s ``smoothing``, and a the evaluation of the last gain, which counts as none before
the first,

    S_e = mean of m_(e-s+1) ... m_e                            (of fewer at the beginning)
    e is a gain where  S_e - S_a > max(min_delta, noise SE)    (S_a - S_e where lower is better)

SE being the paired standard error of S_e - S_a over other validation rows (`ray_mtlkd.training.evaluation.noise`). The
task has converged once ``patience`` evaluations and ``patience_epochs`` epochs of its own train table have gone by
since the last gain, and ``min_epochs`` since it started.

A single evaluation is a lucky or an unlucky one: Prechelt 1998 ("Early stopping, but when?") compares strips of some,
as means over a window do here. The window is finite on purpose: a moving average with exponential weights keeps on
gaining for ever smaller amounts after a step, which are as many of their standard errors as the step itself.
"""

import math
from dataclasses import dataclass

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict
from ray_mtlkd.training.evaluation.noise import Validated, error_of_gain, mean_of
from ray_mtlkd.training.settings import Convergence


@dataclass(frozen=True, kw_only=True)
class BestEvaluation:
    """One of a task's best evaluations.

    Attributes:
        step: Physical step.
    """

    validated: Validated
    step: int


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A task's validation history in brief.

    Attributes:
        leaders: The best evaluations so far, not smoothed, best first (of equals, the earlier): where teachers are
            taken from.
        epochs: How often the task had gone through its train table by the last evaluation.
        recent: The last evaluations, as many as are smoothed over.
        anchor: What the next gain is measured from: the smoothed metric at the last one.
        anchor_epochs: ``epochs`` at that gain.
        stale: Evaluations since then.
        mark: What its teacher reaches, where it has one.
    """

    leaders: tuple[BestEvaluation, ...] = ()
    epochs: float = 0.0
    recent: tuple[Validated, ...] = ()
    anchor: Validated | None = None
    anchor_epochs: float = 0.0
    stale: int = 0
    mark: Validated | None = None

    @property
    def best(self) -> float | None:
        """Best metric so far, in its own unit; None before the first evaluation."""
        return self.leaders[0].validated.value if self.leaders else None

    @property
    def best_step(self) -> int:
        """Physical step of that evaluation; -1 before the first one."""
        return self.leaders[0].step if self.leaders else -1


def track(
    tracker: Tracker,
    *,
    measured: Validated,
    step: int,
    epochs: float,
    sign: int,
    rule: Convergence,
    leaders: int = 1,
) -> Tracker:
    """The tracker after one more evaluation.

    The best moves with any gain, the anchor only with one that counts: a creep cannot put off convergence step by step,
    and the teacher is still the best evaluation.

    Args:
        tracker: The history so far.
        measured: The validation metric, finite.
        step: Physical step of the evaluation.
        epochs: Of its own train table, that the task has trained since the last evaluation.
        sign: +1 where a higher metric is better, else -1.
        rule: What counts as a gain, and for how long there must be none.
        leaders: How many of the best evaluations are remembered.
    """
    value = measured.value
    if not math.isfinite(value):
        raise ValueError(f"a validation metric must be finite, got {value}")
    recent = (*tracker.recent, measured)[-rule.smoothing :]
    smoothed, seen = mean_of(recent), tracker.epochs + epochs
    ranked = sorted(
        (*tracker.leaders, BestEvaluation(validated=measured, step=step)), key=lambda each: _rank(each, sign)
    )
    is_gain = tracker.anchor is None or sign * (smoothed.value - tracker.anchor.value) > least_gain(
        smoothed, tracker.anchor, rule
    )
    return Tracker(
        leaders=tuple(ranked[:leaders]),
        epochs=seen,
        recent=recent,
        anchor=smoothed if is_gain else tracker.anchor,
        anchor_epochs=seen if is_gain else tracker.anchor_epochs,
        stale=0 if is_gain else tracker.stale + 1,
        mark=tracker.mark,
    )


def judge(tracker: Tracker, rule: Convergence) -> ConvergenceVerdict:
    """Whether the task has converged, and why."""
    if tracker.best is None or tracker.anchor is None:
        return ConvergenceVerdict(converged=False, best_step=tracker.best_step, reason="not evaluated yet")
    waited = tracker.epochs - tracker.anchor_epochs
    converged = tracker.stale >= rule.patience and waited >= rule.patience_epochs and tracker.epochs >= rule.min_epochs
    best = f"best {tracker.best:.4f} at step {tracker.best_step}"
    if converged:
        least = least_gain(mean_of(tracker.recent), tracker.anchor, rule)
        reason = (
            f"no gain > {least:.2g} over {tracker.anchor.value:.4f} for {tracker.stale} evaluations and {waited:.1f}"
            f" epochs of its table, {best}"
        )
    else:
        reason = (
            f"{best}, {tracker.stale} of {rule.patience} evaluations and {waited:.1f} of {rule.patience_epochs:g}"
            " epochs without gain"
        )
    return ConvergenceVerdict(converged=converged, best_step=tracker.best_step, reason=reason)


def _rank(leader: BestEvaluation, sign: int) -> tuple[float, int]:
    return -sign * leader.validated.value, leader.step


def least_gain(smoothed: Validated, anchor: Validated, rule: Convergence) -> float:
    """What the smoothed metric must have gained for that to count."""
    return max(rule.min_delta, rule.noise * error_of_gain(smoothed, anchor))

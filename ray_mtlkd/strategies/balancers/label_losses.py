"""Losses as methods read them that weigh by losses alone: of labels, and never 0.

The loss of a task that distils is its distance from its teacher, and falls to 0. To such a method the task has the loss
that it had when it last learned from labels, so that its weight stays beside those of the others.
"""

from dataclasses import dataclass

from ray_mtlkd.strategies.balancers.base import Signals

_LEAST = 1e-4
"""Losses are in the unit of what the best constant predictor loses: below this, a task knows its rows by heart."""
_UNKNOWN = 1.0
"""Of a task that never learned from labels."""


@dataclass(frozen=True, kw_only=True)
class LabelLosses:
    """Each task's loss when it last learned from labels [T]; None before."""

    last: tuple[float | None, ...]


def no_losses(num_tasks: int) -> LabelLosses:
    """What is known before the first step."""
    return LabelLosses(last=(None,) * num_tasks)


def read_losses(signals: Signals, state: LabelLosses) -> tuple[list[float], LabelLosses]:
    """The losses on labels [A], each above 0, and what is known of them after this step."""
    last = list(state.last)
    for task, loss in zip(signals.tasks, signals.losses, strict=True):
        if task not in signals.distilling:
            last[task] = max(loss, _LEAST)
    known = [last[task] for task in signals.tasks]
    return [_UNKNOWN if loss is None else loss for loss in known], LabelLosses(last=tuple(last))

"""Adam on a single number, for balancers that learn their weights (Kingma and Ba 2015, Algorithm 1).

The constants are PyTorch's defaults, and so is the arithmetic: a task that takes no batch keeps its moments and its
step count, as a parameter without a gradient does there.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_DECAY_MEAN = 0.9
_DECAY_SQUARE = 0.999
_EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class AdamState:
    """What Adam remembers of one number: running means of the gradient and of its square, and the steps taken."""

    mean: float = 0.0
    square: float = 0.0
    steps: int = 0


def learn(
    values: Sequence[float],
    moments: Sequence[AdamState],
    gradients: Mapping[int, float],
    *,
    lr: float,
    largest: float = math.inf,
) -> tuple[tuple[float, ...], tuple[AdamState, ...]]:
    """Numbers of all tasks [T] after one step of those that have a gradient, and the next moments [T].

    Args:
        values: Before.
        moments: Of each.
        gradients: By task; the others stay as they are.
        lr: Learning rate.
        largest: Bound on their size after the step.
    """
    found, after = list(values), list(moments)
    for task, gradient in gradients.items():
        moved, after[task] = descend(values[task], gradient=gradient, moments=moments[task], lr=lr)
        found[task] = min(max(moved, -largest), largest)
    return tuple(found), tuple(after)


def descend(value: float, *, gradient: float, moments: AdamState, lr: float) -> tuple[float, AdamState]:
    """The number after one step against its gradient, and the next moments."""
    steps = moments.steps + 1
    mean = _DECAY_MEAN * moments.mean + (1 - _DECAY_MEAN) * gradient
    square = _DECAY_SQUARE * moments.square + (1 - _DECAY_SQUARE) * gradient * gradient
    unbiased_mean = mean / (1 - _DECAY_MEAN**steps)
    unbiased_square = square / (1 - _DECAY_SQUARE**steps)
    moved = value - lr * unbiased_mean / (math.sqrt(unbiased_square) + _EPSILON)
    return moved, AdamState(mean=mean, square=square, steps=steps)

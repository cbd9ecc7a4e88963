"""Adam on a single number, for balancers that learn their weights (Kingma and Ba 2015, Algorithm 1).

The constants are PyTorch's defaults, and so is the arithmetic: a task that takes no batch keeps its moments and its
step count, as a parameter without a gradient does there.
"""

import math
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


def descend(value: float, *, gradient: float, moments: AdamState, lr: float) -> tuple[float, AdamState]:
    """The number after one step against its gradient, and the next moments."""
    steps = moments.steps + 1
    mean = _DECAY_MEAN * moments.mean + (1 - _DECAY_MEAN) * gradient
    square = _DECAY_SQUARE * moments.square + (1 - _DECAY_SQUARE) * gradient * gradient
    unbiased_mean = mean / (1 - _DECAY_MEAN**steps)
    unbiased_square = square / (1 - _DECAY_SQUARE**steps)
    moved = value - lr * unbiased_mean / (math.sqrt(unbiased_square) + _EPSILON)
    return moved, AdamState(mean=mean, square=square, steps=steps)

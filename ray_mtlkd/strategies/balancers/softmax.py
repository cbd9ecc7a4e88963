"""Weights that are a softmax, in the unit of the plain sum."""

import math
from collections.abc import Sequence


def softmax(scores: Sequence[float]) -> tuple[float, ...]:
    """Positive weights [A] that sum to A, their ratios exp of the scores' differences."""
    most = max(scores)
    powers = [math.exp(score - most) for score in scores]
    total = sum(powers)
    return tuple(len(powers) * power / total for power in powers)

"""How far numbers differ, as far as their own precision can tell."""

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 2.0**-42
"""Relative step of float64, 2^-52, with room for what rounding leaves of a mean of many."""


def spread(values: NDArray[np.float64]) -> float:
    """Standard deviation; 0 where the values differ by hardly more than float64 resolves."""
    deviation = float(values.std())
    return deviation if deviation > RESOLUTION * float(np.abs(values).max()) else 0.0

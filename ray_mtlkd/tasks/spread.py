"""How far numbers differ, as far as their own precision can tell."""

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 2.0**-42
"""Relative step of float64, 2^-52, with room for what rounding leaves of a mean of many."""


def spread(values: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> float:
    """Standard deviation, weighted if need be; 0 where the values differ by hardly more than float64 resolves."""
    if weights is None:
        deviation = float(values.std())
    else:
        deviation = float(np.sqrt(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights)))
    return deviation if deviation > RESOLUTION * float(np.abs(values).max()) else 0.0

"""How far numbers differ, as far as the network's numbers can tell."""

import numpy as np
from numpy.typing import NDArray

RESOLUTION = 1e-7
"""Relative step of float32."""


def spread(values: NDArray[np.float64]) -> float:
    """Standard deviation; 0 where the values differ by no more than float32 resolves."""
    deviation = float(values.std())
    return deviation if deviation > RESOLUTION * float(np.abs(values).max()) else 0.0

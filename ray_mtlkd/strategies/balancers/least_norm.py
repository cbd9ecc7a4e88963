"""The shortest vector of a convex hull, exactly: what MGDA and CAGrad solve."""

import numpy as np

from ray_mtlkd.strategies.balancers.gramian import Array
from ray_mtlkd.strategies.balancers.nonnegative import nonnegative


def least_norm(points: Array) -> Array:
    """Weights w [A] >= 0, which sum to 1, of the shortest convex combination of the columns of points [R, A].

    For x = s w the non-negative least squares of ||points x||^2 + (sum x - 1)^2 are s^2 ||points w||^2 + (s - 1)^2. The
    best s leaves n / (1 + n) with n = ||points w||^2, which grows with n: the best x is the shortest combination,
    scaled.
    """
    stacked = np.vstack([points, np.ones(points.shape[1])])
    target = np.zeros(len(stacked))
    target[-1] = 1.0
    scaled = nonnegative(stacked, target)
    weights: Array = scaled / scaled.sum()
    return weights

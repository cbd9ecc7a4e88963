"""Projection onto the dual cone of the gradients: the directions that oppose none of them."""

from collections.abc import Sequence

import numpy as np

from ray_mtlkd.strategies.balancers.gramian import ROUNDING, Array, directions, root
from ray_mtlkd.strategies.balancers.nonnegative import nonnegative


def project(gram: Sequence[Sequence[float]], combinations: Array) -> Array:
    """Weights v [K, A] of the projections of J^T u onto the cone of all d with J d >= 0, for each row u of [K, A].

    Quinton and Rey 2024, arXiv:2406.16232, Proposition 1: v has the least v^T G v of all v >= u. In lengths of unit
    gradients, y = v || g ||, it is y^T C y of the cosines. They are known to some 1e-7, and of gradients that nearly
    cancel lengths of any size would make up for it: so 1e-6 of || y ||^2 is added. It leaves a conflict of 1e-6 of the
    weighted lengths at most. With y = u || g || + x these are non-negative least squares.
    """
    found = directions(gram)
    damped = np.vstack([root(found.cosines), np.sqrt(ROUNDING) * np.eye(len(found.norms))])
    weights = []
    for each in combinations:
        lengths = each * found.norms
        # what is solved has lengths of 1 at most, however short the gradients are beside the longest
        size = lengths.max() or 1.0
        extra = size * nonnegative(damped, -(damped @ (lengths / size)))
        weights.append(each + extra * found.inverse_norms)
    return np.array(weights)

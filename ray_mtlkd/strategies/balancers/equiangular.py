"""The direction that has the same cosine with every gradient: what IMTL-G and ConFIG step along."""

import numpy as np

from ray_mtlkd.strategies.balancers.gramian import Array, pseudo_inverse

_SHORTEST = 1e-6
"""Of the squared length of the direction, whose parts are unit vectors: below, the gradients cancel."""


def equiangular(cosines: Array) -> Array:
    """The c [A] of the direction d = sum_i c_i u_i of unit gradients u_i with d . u_i = 1 for all i: c = C^-1 1.

    Where gradients depend on each other C^-1 is the pseudo-inverse, and d . u_i are as close to 1 as they can be: their
    sum, which is the square of d, is still above 0. Where they cancel there is no such direction, and c is 0.
    """
    found = pseudo_inverse(cosines, np.ones(len(cosines)))
    return found if found @ cosines @ found > _SHORTEST else np.zeros(len(found))

"""Projection onto the dual cone of the gradients: the directions that oppose none of them."""

from ray_mtlkd.imports import Later
from ray_mtlkd.strategies.balancers.gramian import Array

optimize = Later("scipy.optimize")


def project(root: Array, combination: Array) -> Array:
    """Weights v [A] of the projection of J^T u onto the cone of all d with J d >= 0, given R^T R = G and u [A].

    Quinton and Rey 2024, arXiv:2406.16232, Proposition 1: v has the least v^T G v of all v >= u. With v = u + x these
    are non-negative least squares, min ||R x + R u|| over x >= 0, which Lawson and Hanson's active sets solve exactly,
    also where gradients depend on each other.
    """
    extra: Array = optimize.nnls(root, -(root @ combination))[0]
    return combination + extra

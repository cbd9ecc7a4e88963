"""Non-negative least squares: what projections and shortest combinations come down to."""

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import Later
from ray_mtlkd.strategies.balancers.gramian import Array

optimize = Later("scipy.optimize")

_TURNS = 30
"""Active sets that may be tried, over the number of unknowns: SciPy's own 3 are too few where columns depend on each
other."""


def nonnegative(matrix: Array, target: Array) -> Array:
    """The x >= 0 [A] that brings matrix x closest to the target, by Lawson and Hanson's active sets.

    Args:
        matrix: [R, A].
        target: [R].

    Raises:
        MtlkdError: where they are not done after 30 A sets.
    """
    count = matrix.shape[1]
    try:
        found: Array = optimize.nnls(matrix, target, maxiter=_TURNS * count)[0]
    except RuntimeError as error:
        raise MtlkdError(
            f"non-negative least squares over {count} tasks are not solved after {_TURNS * count} active sets",
            where="balancer",
            fix="take one that solves none, such as `nash_mtl`, `config` or `pcgrad`",
        ) from error
    return found

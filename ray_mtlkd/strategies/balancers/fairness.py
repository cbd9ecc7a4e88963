"""Weights under which every task gains what it is fair that it gains: what Nash-MTL and FairGrad solve."""

from collections.abc import Sequence

import numpy as np

from ray_mtlkd.strategies.balancers.gramian import ROUNDING, Array, directions, root

_STEPS = 100
_HALVINGS = 60
"""Of a step: what is left of it is rounding, and so is how far the function could still fall."""
_OVERSHOOT = 0.1
"""Of the slope at the start of a step, that may point upwards at its end."""
_CLOSE = 1e-8
"""Of a step, beside the weight that it moves."""


def fair_weights(gram: Sequence[Sequence[float]], *, alpha: float) -> Array:
    """The w > 0 [A] with (G w)_i proportional to w_i^(-1 / alpha); 0 for a gradient of 0.

    With x_i = w_i || g_i || the equation reads C x = b x^(-1 / alpha), where C are the cosines and
    b_i = || g_i ||^(1 / alpha - 1): gradients of very different lengths leave it well conditioned. Its two sides are
    the gradients of a strictly convex function, x^T C x / 2 - sum_i b_i h(x_i) with h' = x^(-1 / alpha), which Newton's
    method with a line search takes to its only minimum: rounding leaves C no negative eigenvalue, and 1e-6 is added to
    its diagonal, as gradients that cancel would let all weights grow together without end.

    w is scaled so that the weighted gradients are together as long as the gradients, sum_i x_i = sum_i || g_i ||: if
    the weights summed to A, one gradient near 0 would take all of them and end the training of the others.
    """
    found = directions(gram)
    active = found.norms > 0
    weights = np.zeros(len(found.norms))
    if active.any():
        norms = found.norms[active]
        rooted = root(found.cosines[np.ix_(active, active)])
        cosines = rooted.T @ rooted + ROUNDING * np.eye(len(norms))
        gains = norms ** (1 / alpha - 1)
        lengths = _solve(cosines, gains / gains.max(), alpha=alpha)
        weights[active] = lengths * (norms.sum() / lengths.sum()) / norms
    return weights


def _solve(cosines: Array, gains: Array, *, alpha: float) -> Array:
    """The x > 0 [A] with cosines x = gains x^(-1 / alpha)."""

    def slope(x: Array) -> Array:
        difference: Array = cosines @ x - gains * x ** (-1 / alpha)
        return difference

    x: Array = gains ** (alpha / (1 + alpha))  # exact where the gradients are orthogonal
    for _ in range(_STEPS):
        wanted = gains * x ** (-1 / alpha)
        here = slope(x)
        step = -np.linalg.solve(cosines + np.diag(wanted / (alpha * x)), here)
        share = 1.0
        # The function is convex: it falls along the step until the slope turns.
        for _ in range(_HALVINGS):
            if (x + share * step).min() > 0 and step @ slope(x + share * step) <= _OVERSHOOT * -(step @ here):
                break
            share /= 2
        else:
            return x
        x = x + share * step
        if np.abs(step / x).max() <= _CLOSE:
            break
    return x

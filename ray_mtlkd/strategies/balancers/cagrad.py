"""CAGrad: close to the mean gradient, and best for the task that gains least."""

import math
from typing import ClassVar

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.imports import Later
from ray_mtlkd.ranges import Share
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import Array, in_own_unit, on_shared, root
from ray_mtlkd.strategies.balancers.least_norm import least_norm

optimize = Later("scipy.optimize")

_CLOSE = 1e-8
"""How well the logarithm of || g_w || is known in the end."""
_BEYOND = 1e-3
"""No combination is longer than the longest gradient; rounding aside."""
_SHORTEST = 1e-5
"""Of ||g_w||, in the unit of the root of the Gramian's trace: below, no direction is better for every task."""


@document
class CAGrad:
    """Of all directions near the mean gradient, the one that the worst-off task gains most from.

    Liu, Liu, Jin, Stone and Liu, "Conflict-Averse Gradient Descent for Multi-task Learning", NeurIPS 2021,
    arXiv:2110.14048, Algorithm 1. With g_0 the mean of the gradients and g_w = sum_i w_i g_i::

        max_d  min_i  g_i . d          over  || d - g_0 || <= c || g_0 ||
        min_w  g_w . g_0 + c || g_0 || || g_w ||      over  w >= 0,  sum_i w_i = 1            (its dual)
        update  =  g_0 + c || g_0 || / || g_w ||  g_w

    The dual is solved exactly. As || g || is the least of || g ||^2 / 2 s + s / 2 over s > 0, for a given s the best w
    is a shortest convex combination, of the vectors g_i + s / (c || g_0 ||) g_0, and s is the root of
    || g_w || - s, which falls, found by Brent's method. At a Pareto-stationary point, where g_w is 0, s stops above 0.

    The update is multiplied by A / (1 + c), which gives back the plain sum where all tasks agree (the official code
    offers this scale, among others).

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = CAGrad(c=0.5).weigh(step, ())
    >>> [round(weight, 3) for weight in weights.shared]
    [1.721, 0.667]

    Attributes:
        c: In [0, 1): how far from the mean gradient the update may be, in its norms; 0 is the plain sum.
    """

    name: ClassVar[str] = "cagrad"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu et al. 2021, arXiv:2110.14048", equation="Algorithm 1", guarantees=("no negative weight",)
    )

    c: Share = 0.4

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Mean and correction, as weights of the gradients, in the scale of the plain sum."""
        count = len(signals.tasks)
        rooted = root(in_own_unit(signals.gram))
        mean = rooted.mean(axis=1)
        radius = self.c * math.sqrt(mean @ mean)
        correction = np.zeros(count) if radius <= _SHORTEST else _correction(rooted, mean, radius=radius)
        return on_shared((1 + count * correction) / (1 + self.c)), state


def _correction(rooted: Array, mean: Array, *, radius: float) -> Array:
    """Weights [A] of what is added to the mean gradient, at most ``radius`` long."""

    def shortest(length: float) -> Array:
        return least_norm(rooted + (length / radius) * mean[:, None])

    def excess(log_length: float) -> float:
        combined = rooted @ shortest(math.exp(log_length))
        return 0.5 * math.log(max(float(combined @ combined), _SHORTEST**4)) - log_length

    low, high = math.log(_SHORTEST), 0.5 * math.log(float((rooted**2).sum(axis=0).max()))
    found = low if excess(low) <= 0 else optimize.brentq(excess, low, high + _BEYOND, xtol=_CLOSE)
    length = math.exp(found)
    weights: Array = shortest(length) * (radius / length)
    return weights

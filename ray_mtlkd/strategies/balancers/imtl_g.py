"""IMTL-G: an update that advances equally along every gradient."""

from typing import ClassVar

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.equiangular import equiangular
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import directions, on_shared

_SMALLEST = 1e-6
"""Of the sum of weights beside their sizes: below, they cancel and no length is that of the paper."""


@document
class IMTLG:
    """Step where the update has the same projection onto every task's gradient.

    Liu, Li, Kuang, Xue, Chen, Yang, Liao and Zhang, "Towards Impartial Multi-Task Learning", ICLR 2021,
    https://openreview.net/forum?id=IMPnRXEWpvr, section 3.2. With u_i = g_i / || g_i ||::

        update . u_i  =  update . u_j      for all i, j        sum_i w_i = 1

    With C the cosines of the gradients, w_i is proportional to v_i = (C^-1 1)_i / || g_i ||. Where gradients depend on
    each other C^-1 is the pseudo-inverse (Quinton and Rey 2024, arXiv:2406.16232, do so on G).

    Some v_i may be negative, and so may their sum, which depends on the norms: gradients that agree have it where a
    short one is not needed. To divide by it, as the paper does, turns the update round, which then climbs every loss.
    Here the weights are scaled to the sum A or -A, whichever descends all losses alike: w = A v / | sum_i v_i |. The
    direction is that of ``config``, whatever the norms; the length is the paper's, without bound where the weights
    nearly cancel. Where they do, or the gradients do, all weights are 0.

    The longer gradient is weighed down:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = IMTLG().weigh(step, ())
    >>> [round(weight, 6) for weight in weights.shared]
    [1.5, 0.5]
    """

    name: ClassVar[str] = "imtl_g"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu et al. 2021, https://openreview.net/forum?id=IMPnRXEWpvr",
        equation="section 3.2",
        guarantees=("scale-free",),
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Impartial weights, whose sum is the number of active tasks or minus that; or all 0."""
        found = directions(signals.gram)
        weights = equiangular(found.cosines) * found.inverse_norms
        total = abs(weights.sum())
        if total <= _SMALLEST * np.abs(weights).sum():
            return on_shared(np.zeros(len(weights))), state
        return on_shared(weights * (len(weights) / total)), state

"""IMTL-G: an update that advances equally along every gradient."""

from typing import ClassVar

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import directions, on_shared, pseudo_inverse

_SMALLEST = 1e-6
"""Of the sum of weights beside their sizes: below, they cancel and there is no such update."""


@document
class IMTLG:
    """Step where the update has the same projection onto every task's gradient.

    Liu, Li, Kuang, Xue, Chen, Yang, Liao and Zhang, "Towards Impartial Multi-Task Learning", ICLR 2021,
    https://openreview.net/forum?id=IMPnRXEWpvr, section 3.2. With u_i = g_i / || g_i ||::

        update . u_i  =  update . u_j      for all i, j        sum_i w_i = 1

    With C the cosines of the gradients, w_i is proportional to (C^-1 1)_i / || g_i ||. Where gradients depend on each
    other C^-1 is the pseudo-inverse (Quinton and Rey 2024, arXiv:2406.16232, do so on G). The weights are scaled to sum
    to A. Some may be negative; where they cancel, no update is impartial, and all are 0. ``config`` has the same
    direction and another length.

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
        """Impartial weights, which sum to the number of active tasks, or are all 0."""
        found = directions(signals.gram)
        weights = pseudo_inverse(found.cosines, np.ones(len(signals.tasks))) * found.inverse_norms
        total = weights.sum()
        if abs(total) <= _SMALLEST * np.abs(weights).sum():
            return on_shared(np.zeros(len(weights))), state
        return on_shared(weights * (len(weights) / total)), state

"""UPGrad: every gradient without what conflicts, exactly."""

from typing import ClassVar

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.dual_cone import project
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import on_shared


@document
class UPGrad:
    """Project each task's gradient onto the directions that harm no task, and add up.

    Quinton and Rey, "Jacobian Descent for Multi-Objective Optimization", 2024, arXiv:2406.16232. With pi_J(x) the
    closest vector to x of all d with J d >= 0 (eq. 3)::

        update  =  sum_i pi_J(g_i)

    The paper takes the mean of the projections, here they are summed, as gradients are. By Proposition 1 a projection
    is J^T v for the v of least v^T G v among all v >= e_i, which asks of the gradients only the Gramian.

    PCGrad projects onto one other gradient after the other; UPGrad's update opposes no gradient whatever their number.

    Of two gradients that pull apart, each gets half of the other added:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, -0.5), (-0.5, 1.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = UPGrad().weigh(step, ())
    >>> [round(weight, 5) for weight in weights.shared]
    [1.5, 1.5]
    """

    name: ClassVar[str] = "upgrad"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Quinton and Rey 2024, arXiv:2406.16232",
        equation="eq. 3 and Proposition 1",
        guarantees=("no negative weight", "no conflict"),
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The sum of all projections, as weights of the gradients; each is at least 1."""
        return on_shared(project(signals.gram, np.eye(len(signals.tasks))).sum(axis=0)), state

"""DualProj: the sum of the gradients without what conflicts."""

from typing import ClassVar

import numpy as np

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.dual_cone import project
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import on_shared


@document
class DualProj:
    """Project the sum of the gradients onto the directions that harm no task.

    Lopez-Paz and Ranzato, "Gradient Episodic Memory for Continual Learning", NeurIPS 2017, arXiv:1706.08840, eq. 11,
    with all tasks' gradients as constraints and their sum as what is projected (the name is TorchJD's)::

        update  =  J^T v        v  =  argmin  v^T G v    over all  v >= 1

    It changes the plain sum as little as it must, where UPGrad lets every task pull in its own projected direction. A
    sum that opposes nobody stays as it is:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, -2.0), (-2.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = DualProj().weigh(step, ())
    >>> [round(weight, 5) for weight in weights.shared]
    [2.0, 1.0]
    """

    name: ClassVar[str] = "dual_proj"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Lopez-Paz and Ranzato 2017, arXiv:1706.08840",
        equation="eq. 11",
        guarantees=("no negative weight", "no conflict"),
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The projected sum, as weights of the gradients; each is at least 1."""
        return on_shared(project(signals.gram, np.ones((1, len(signals.tasks))))[0]), state

"""STCH: mostly the largest loss, smoothly."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import PositiveFloat
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses
from ray_mtlkd.strategies.balancers.softmax import softmax


@document
class SmoothTchebycheff:
    """Descend a smooth maximum of the losses: the task that is furthest behind counts most.

    Lin, Zhang, Yang, Liu, Wang and Zhang, "Smooth Tchebycheff Scalarization for Multi-Objective Optimization", ICML
    2024, arXiv:2402.19078::

        L = mu log sum_i exp(l_i (L_i - z_i) / mu)        w  =  A softmax(L / mu)

    Preferences l_i are 1 and the ideal z_i is 0, since losses are in one unit already: what the best constant predictor
    loses. A task that distils keeps the loss that it had on labels.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = SmoothTchebycheff(mu=0.5)
    >>> step = Signals(tasks=(0, 1), losses=(0.5, 1.0), regression=(False, False))
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> [round(weight, 3) for weight in weights.shared]
    [0.538, 1.462]

    Attributes:
        mu: Above 0; towards 0 the largest loss alone counts, far above 1 all alike.
    """

    name: ClassVar[str] = "stch"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Lin et al. 2024, arXiv:2402.19078",
        equation="the smooth maximum",
        guarantees=("no negative weight",),
    )

    mu: PositiveFloat = 0.5

    def init(self, num_tasks: int) -> LabelLosses:
        """No losses are known."""
        return no_losses(num_tasks)

    def weigh(self, signals: Signals, state: LabelLosses) -> tuple[Weights, LabelLosses]:
        """Positive weights that sum to the number of active tasks."""
        losses, known = read_losses(signals, state)
        weights = softmax([loss / self.mu for loss in losses])
        return Weights(shared=weights, heads=weights), known

"""UW-SO: a softmax of the inverse losses."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import PositiveFloat
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses
from ray_mtlkd.strategies.balancers.softmax import softmax


@document
class SoftOptimalUncertainty:
    """Weigh each task by the softmax of its inverse loss: what uncertainty weighting would learn, at once.

    Kirchdorfer, Elich, Kutsche, Stuckenschmidt, Schott and Koehler, "Analytical Uncertainty-Based Loss Weighting in
    Multi-Task Learning", GCPR 2024, arXiv:2408.07985 (Soft Optimal Uncertainty Weighting)::

        w  =  A softmax((1 / L) / T)

    1 / L_i are the weights that minimise the loss of ``uncertainty`` for given L, so that nothing has to be learned;
    the softmax bounds them (the paper's sum to 1). A task that distils keeps the loss that it had on labels.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = SoftOptimalUncertainty(temperature=1.0)
    >>> step = Signals(tasks=(0, 1), losses=(0.5, 1.0), regression=(False, False))
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> [round(weight, 3) for weight in weights.shared]
    [1.462, 0.538]

    Attributes:
        temperature: Above 0; the higher, the more alike the weights. The paper searches it for each data set.
    """

    name: ClassVar[str] = "uw_so"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Kirchdorfer et al. 2024, arXiv:2408.07985",
        equation="UW-SO",
        guarantees=("no negative weight",),
    )

    temperature: PositiveFloat = 10.0

    def init(self, num_tasks: int) -> LabelLosses:
        """No losses are known."""
        return no_losses(num_tasks)

    def weigh(self, signals: Signals, state: LabelLosses) -> tuple[Weights, LabelLosses]:
        """Positive weights that sum to the number of active tasks."""
        losses, known = read_losses(signals, state)
        weights = softmax([1 / loss / self.temperature for loss in losses])
        return Weights(shared=weights, heads=weights), known

"""Scale-invariant loss: the sum of the logarithms."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.label_losses import LabelLosses, no_losses, read_losses


@document
class ScaleInvariant:
    """Weigh each loss by its inverse, so that relative progress counts and the loss's unit does not.

    The baseline SI of Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik and Fetaya, "Multi-Task Learning as a
    Bargaining Game", ICML 2022, arXiv:2202.01017, section 6::

        L = sum_i log L_i        w_i = 1 / L_i

    A loss below 1e-4 of what the best constant predictor loses counts as that. A task that distils keeps its weight.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = ScaleInvariant()
    >>> step = Signals(tasks=(0, 1), losses=(0.5, 2.0), regression=(False, False))
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> [round(weight, 3) for weight in weights.shared]
    [2.0, 0.5]
    """

    name: ClassVar[str] = "scale_invariant"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Navon et al. 2022, arXiv:2202.01017",
        equation="section 6, SI: sum_i log L_i",
        guarantees=("no negative weight", "scale-free"),
    )

    def init(self, num_tasks: int) -> LabelLosses:
        """No losses are known."""
        return no_losses(num_tasks)

    def weigh(self, signals: Signals, state: LabelLosses) -> tuple[Weights, LabelLosses]:
        """The inverse losses."""
        losses, known = read_losses(signals, state)
        weights = tuple(1 / loss for loss in losses)
        return Weights(shared=weights, heads=weights), known

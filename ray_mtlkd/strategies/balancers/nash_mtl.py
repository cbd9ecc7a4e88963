"""Nash-MTL: the tasks' bargaining solution."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.fairness import fair_weights
from ray_mtlkd.strategies.balancers.gramian import on_shared


@document
class NashMTL:
    """Step where the product of what the tasks gain is largest: the Nash bargaining solution.

    Navon, Shamsian, Achituve, Maron, Kawaguchi, Chechik and Fetaya, "Multi-Task Learning as a Bargaining Game", ICML
    2022, arXiv:2202.01017, Claim 3.1 and Algorithm 1. The direction of a given length with the largest
    sum_i log(g_i . update) is J^T w, where::

        (G w)_i  =  1 / w_i

    The official code finds it by a sequence of convex programs in cvxpy, keeps it for several steps and clips the
    update's norm. Here Newton's method finds it in every step, and the weighted gradients are
    together as long as the gradients.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = NashMTL().weigh(step, ())
    >>> [round(weight, 5) for weight in weights.shared]
    [2.0, 0.66667]
    """

    name: ClassVar[str] = "nash_mtl"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Navon et al. 2022, arXiv:2202.01017",
        equation="Claim 3.1 and Algorithm 1",
        guarantees=("no negative weight", "no conflict", "scale-free"),
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The bargaining solution, its weighted gradients together as long as the gradients."""
        return on_shared(fair_weights(signals.gram, alpha=1.0)), state

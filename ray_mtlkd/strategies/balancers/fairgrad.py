"""FairGrad: an update that shares out gains fairly, by a chosen measure of fairness."""

from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.fairness import fair_weights
from ray_mtlkd.strategies.balancers.gramian import on_shared


@document
class FairGrad:
    """Step where the alpha-fair utility of what the tasks gain is largest.

    Ban and Ji, "Fair Resource Allocation in Multi-Task Learning", ICML 2024, arXiv:2402.15638, eq. 4 and Algorithm 1.
    The direction of a given length with the largest sum_i (g_i . update)^(1 - alpha) / (1 - alpha) is J^T w, where::

        (G w)_i  =  w_i^(-1 / alpha)

    alpha = 1 is proportional fairness (``nash_mtl``), alpha = 2 the least potential delay, and the larger alpha, the
    more counts the task that gains least. Found by Newton's method; the weighted gradients are together as
    long as the gradients.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 8.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = FairGrad(alpha=2.0).weigh(step, ())
    >>> [round(weight, 5) for weight in weights.shared]
    [2.24264, 0.56066]

    Attributes:
        alpha: In [0.5, 5]: how much the tasks that gain little count.
    """

    name: ClassVar[str] = "fairgrad"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Ban and Ji 2024, arXiv:2402.15638",
        equation="eq. 4 and Algorithm 1",
        guarantees=("no negative weight", "no conflict"),
    )

    alpha: Annotated[float, Ge(0.5), Le(5)] = 2.0

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The fair weights, the weighted gradients together as long as the gradients."""
        return on_shared(fair_weights(signals.gram, alpha=self.alpha)), state

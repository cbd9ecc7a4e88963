"""MGDA: the shortest convex combination of the gradients."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import in_own_unit, on_shared, root
from ray_mtlkd.strategies.balancers.least_norm import least_norm


@document
class MGDA:
    """Step along the shortest convex combination of the gradients, which descends all losses or none.

    Sener and Koltun, "Multi-Task Learning as Multi-Objective Optimization", NeurIPS 2018, arXiv:1810.04650, eq. 3,
    after Desideri 2012::

        min  || sum_i w_i g_i ||^2  =  w^T G w        over  w >= 0,  sum_i w_i = 1

    Solved exactly instead of by Frank-Wolfe steps (Algorithm 2), and scaled so that the weights sum to A. The shortest
    vector is close to the smallest gradients, so that a task with small gradients gets nearly all of the weight;
    ``normalised:mgda`` compares directions alone.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 3.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = MGDA().weigh(step, ())
    >>> [round(weight, 6) for weight in weights.shared]
    [1.5, 0.5]
    """

    name: ClassVar[str] = "mgda"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Sener and Koltun 2018, arXiv:1810.04650",
        equation="eq. 3",
        guarantees=("no negative weight", "no conflict"),
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """The weights of the shortest combination, scaled to sum to the number of active tasks."""
        return on_shared(len(signals.tasks) * least_norm(root(in_own_unit(signals.gram)))), state

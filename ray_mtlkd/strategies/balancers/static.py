"""A fixed weight for each task."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.ranges import PositiveFloat
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts


@document
class StaticWeights:
    """Scale each task's loss by a fixed weight.

    ::

        L = sum_i w_i L_i

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = StaticWeights(weights=(0.5, 1.0, 1.5))
    >>> step = Signals(tasks=(0, 2), losses=(1.0, 1.0), regression=(False, False))
    >>> weights, _ = balancer.weigh(step, balancer.init(3))
    >>> weights.shared
    (0.5, 1.5)

    Attributes:
        weights: One per task, in the setup's order [T]. They are used as they are: their sum
            scales the learning rate, so a search that compares weights draws them with a constant sum.
    """

    name: ClassVar[str] = "static"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(paper=None, equation="sum_i w_i L_i", guarantees=("no negative weight",))

    weights: tuple[PositiveFloat, ...]

    def init(self, num_tasks: int) -> tuple[()]:
        """Nothing to remember.

        Raises:
            MtlkdError: where the number of weights is not the number of tasks.
        """
        if len(self.weights) != num_tasks:
            raise MtlkdError(
                f"{len(self.weights)} weights for {num_tasks} tasks",
                where="balancer.weights",
                fix="give one weight per task, in the order of `tasks`",
            )
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Each active task's own weight."""
        weights = tuple(self.weights[task] for task in signals.tasks)
        return Weights(shared=weights, heads=weights), state

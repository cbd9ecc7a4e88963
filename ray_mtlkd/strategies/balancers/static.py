"""A fixed weight for each task."""

from typing import Annotated, ClassVar

from annotated_types import MinLen

from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.ranges import PositiveFloat, Text
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts

_WHERE = "balancer.weights"


@document
class StaticWeights:
    """Scale each task's loss by a fixed weight.

    ::

        L = sum_i w_i L_i

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = StaticWeights(weights={"match": 0.5, "rating": 1.5, "category": 1.0})
    >>> step = Signals(tasks=(0, 2), names=("category", "rating"), losses=(1.0, 1.0), regression=(False, True))
    >>> weights, _ = balancer.weigh(step, balancer.init(3))
    >>> weights.shared
    (1.0, 1.5)

    Attributes:
        weights: By the task's name, also of tasks that are not there; or one per task in the setup's order [T], as a
            ``simplex`` draws them. They are used as they are: their sum scales the learning rate, so a search that
            compares weights draws them with a constant sum.
    """

    name: ClassVar[str] = "static"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(paper=None, equation="sum_i w_i L_i", guarantees=("no negative weight",))

    weights: Annotated[dict[Text, PositiveFloat], MinLen(1)] | tuple[PositiveFloat, ...]

    def __hash__(self) -> int:
        """Of what it says, as of any balancer."""
        return hash(tuple(self.weights.items()) if isinstance(self.weights, dict) else self.weights)

    def init(self, num_tasks: int) -> tuple[()]:
        """Nothing to remember.

        Raises:
            MtlkdError: where a list of weights is not as long as there are tasks.
        """
        if not isinstance(self.weights, dict) and len(self.weights) != num_tasks:
            raise MtlkdError(
                f"{len(self.weights)} weights for {num_tasks} tasks",
                where=_WHERE,
                fix="give each task's weight by its name, e.g. {match: 0.5, rating: 1.5}",
            )
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Each active task's own weight.

        Raises:
            MtlkdError: where a task is not among the names.
        """
        if isinstance(self.weights, dict):
            weights = tuple(self._of(name) for name in signals.names)
        else:
            weights = tuple(self.weights[task] for task in signals.tasks)
        return Weights(shared=weights, heads=weights), state

    def _of(self, name: str) -> float:
        assert isinstance(self.weights, dict)  # noqa: S101 - the caller has looked
        if name not in self.weights:
            fix = f"name every task; there are weights for {', '.join(self.weights)}"
            raise MtlkdError(f"no weight for task {name}", where=_WHERE, fix=fix)
        return self.weights[name]

"""The plain sum of the losses, watched: for what Gramians say of the tasks, not for the weights."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts


@document
class ObservedSum:
    """Every task weighs 1, and how the tasks' gradients agree is measured on the way.

    ::

        L = sum_i L_i

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, -2.0), (-2.0, 9.0))
    >>> signals = Signals(tasks=(0, 1), losses=(0.2, 3.0), regression=(False, True), gram=gram)
    >>> ObservedSum().weigh(signals, ())[0].shared
    (1.0, 1.0)
    """

    name: ClassVar[str] = "observed_sum"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(paper=None, equation="sum_i L_i", guarantees=("no negative weight",))

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """1 for every active task."""
        ones = (1.0,) * len(signals.tasks)
        return Weights(shared=ones, heads=ones), state

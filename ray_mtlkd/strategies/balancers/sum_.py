"""The plain sum of the losses: what every other balancer has to beat."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts


@document
class Sum:
    """Every task weighs 1.

    ::

        L = sum_i L_i

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> weights, _ = Sum().weigh(Signals(tasks=(0, 1), losses=(0.2, 3.0), regression=(False, True)), ())
    >>> weights.shared
    (1.0, 1.0)
    """

    name: ClassVar[str] = "sum"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(paper=None, equation="sum_i L_i", guarantees=("no negative weight",))

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """1 for every active task."""
        ones = (1.0,) * len(signals.tasks)
        return Weights(shared=ones, heads=ones), state

"""RLW: random weights, the litmus test for all that weigh losses on purpose."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.softmax import softmax


@document
class RLW:
    """Weigh the losses by chance, anew in every step.

    Lin, Ye, Zhang and Tsang, "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning",
    TMLR 2022, arXiv:2111.10603, Algorithm 2, from the normal distribution::

        w  =  A softmax(z)        z_i ~ N(0, 1)

    (in the paper the weights sum to 1). In expectation it is the plain sum; a balancer that does no better has learned
    nothing from losses.

    >>> import random
    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), rng=random.Random(0))
    >>> weights, _ = RLW().weigh(step, ())
    >>> [round(weight, 3) for weight in weights.shared]
    [1.824, 0.176]
    """

    name: ClassVar[str] = "rlw"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Lin et al. 2022, arXiv:2111.10603", equation="Algorithm 2", guarantees=("no negative weight",)
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Positive weights that sum to the number of active tasks."""
        weights = softmax([signals.rng.gauss(0.0, 1.0) for _ in signals.tasks])
        return Weights(shared=weights, heads=weights), state

"""ConFIG: an update that makes the same angle with every gradient."""

from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.equiangular import equiangular
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import directions, on_shared


@document
class ConFIG:
    """Step along the direction that has the same cosine with every gradient, as far as these reach together.

    Liu, Chu and Thuerey, "ConFIG: Towards Conflict-free Training of Physics Informed Neural Networks", ICLR 2025,
    arXiv:2408.11104, eq. 2. With U the unit gradients, one a row, and ^+ the pseudo-inverse::

        v       =  U^+ 1  /  || U^+ 1 ||
        update  =  | sum_i g_i . v | v

    U^+ = U^T (U U^T)^+ and U U^T are the cosines C, so that all of it is arithmetic on T x T numbers: the update is s
    sum_i c_i / || g_i || g_i with c = C^+ 1 and s = | sum_i || g_i || (C c)_i | / c^T C c. Where gradients do not
    depend on each other it opposes none of them, and the sum, which the paper takes as it is, is above 0. Where they
    do, the cosines are as equal as they can be, some below 0; a long gradient among these would turn the paper's update
    round, against all others. Here no norm decides on the direction.

    The longer gradient is weighed down, the length is that of both:

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> weights, _ = ConFIG().weigh(step, ())
    >>> [round(weight, 6) for weight in weights.shared]
    [2.0, 0.666667]
    """

    name: ClassVar[str] = "config"
    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu, Chu and Thuerey 2024, arXiv:2408.11104", equation="eq. 2", guarantees=("scale-free",)
    )

    def init(self, num_tasks: int) -> tuple[()]:  # noqa: ARG002 - any number of tasks fits
        """Nothing to remember."""
        return ()

    def weigh(self, signals: Signals, state: tuple[()]) -> tuple[Weights, tuple[()]]:
        """Weights of the conflict-free direction times its length; 0 where the gradients cancel."""
        found = directions(signals.gram)
        combination = equiangular(found.cosines)
        if not combination.any():
            return on_shared(combination), state
        projections = found.cosines @ combination
        length = abs(found.norms @ projections) / (combination @ projections)
        return on_shared(length * combination * found.inverse_norms), state

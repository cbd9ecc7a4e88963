"""A method on gradients of equal length (``normalised:mgda``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.serial import dumps
from ray_mtlkd.strategies.balancers.base import Balancer, Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.gramian import directions
from ray_mtlkd.strategies.balancers.wrapped import inside, refuse_unfit, weigh_inside


@dataclass(frozen=True, kw_only=True)
class NormalisedState:
    """The state of the method inside, as JSON."""

    inner: str


@document
class Normalised:
    """Another method that sees directions alone: every gradient is divided by its norm first.

    With n_i = || g_i ||, the method is told of the Gramian of the g_i / n_i, the cosines C, and its weights v are those
    of unit gradients::

        update  =  m sum_i v_i g_i / n_i        m = the mean of the n_i

    so that no task counts for the unit of its loss. MGDA, whose solution is close to the shortest gradient, is mostly
    used like this (Sener and Koltun 2018, arXiv:1810.04650; ``l2`` in their code).

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> gram = ((1.0, 0.0), (0.0, 9.0))
    >>> step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    >>> balancer = Normalised(method="mgda")
    >>> weights, _ = balancer.weigh(step, balancer.init(2))
    >>> balancer.name, [round(weight, 6) for weight in weights.shared]
    ('normalised:mgda', [2.0, 0.666667])

    Attributes:
        method: A balancer on the Gramian.
        options: Its own hyper-parameters by name.
    """

    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Sener and Koltun 2018, arXiv:1810.04650", equation="their code, `l2`", guarantees=("scale-free",)
    )

    method: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse what is no method on the Gramian."""
        refuse_unfit(self.method, self.options)

    @property
    def name(self) -> str:
        """``normalised:`` and the method."""
        return f"normalised:{self.method}"

    @cached_property
    def _inner(self) -> Balancer[Any]:
        return inside(self.method, self.options)

    def init(self, num_tasks: int) -> NormalisedState:
        """As the method starts.

        Raises:
            MtlkdError: where the method does not fit the number of tasks.
        """
        return NormalisedState(inner=dumps(self._inner.init(num_tasks)))

    def weigh(self, signals: Signals, state: NormalisedState) -> tuple[Weights, NormalisedState]:
        """The method's weights of unit gradients, as weights of the gradients; a gradient of 0 weighs 0."""
        found = directions(signals.gram)
        cosines = tuple(map(tuple, found.cosines.tolist()))
        weights, inner = weigh_inside(self._inner, replace(signals, gram=cosines), state.inner)
        scales = (found.norms.mean() * found.inverse_norms).tolist()
        shared = tuple(weight * scale for weight, scale in zip(weights.shared, scales, strict=True))
        return Weights(shared=shared, heads=weights.heads), NormalisedState(inner=inner)

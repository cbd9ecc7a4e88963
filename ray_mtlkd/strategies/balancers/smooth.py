"""Weights that follow a method's slowly (``smooth:cagrad``)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Share
from ray_mtlkd.serial import dumps
from ray_mtlkd.strategies.balancers.base import Balancer, Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.wrapped import inside, refuse_unfit, weigh_inside


@dataclass(frozen=True, kw_only=True)
class SmoothState:
    """Smoothed weights [T], None before a task's first step; the state of the method inside, as JSON."""

    weights: tuple[float | None, ...]
    inner: str


@document
class Smooth:
    """A running mean of another method's weights, since those of single batches are noise to a good part.

    Zhou, Zhang, Jiang, Zhong, Gu and Zhu, "On the Convergence of Stochastic Multi-Objective Gradient Manipulation and
    Beyond", NeurIPS 2022 (CR-MOGM),
    https://proceedings.neurips.cc/paper_files/paper/2022/file/f91bd64a3620aad8e70a27ad9cb3ca57-Paper-Conference.pdf.
    With w the method's weights in this step::

        smoothed  <-  decay smoothed + (1 - decay) w

    It starts at a task's first w, and stays as it is while the task takes no batch. Heads are not smoothed. The paper
    lets ``decay`` grow as the learning rate falls; here it is constant.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = Smooth(method="mgda", decay=0.5)
    >>> state = balancer.init(2)
    >>> for norm in (1.0, 3.0):
    ...     gram = ((1.0, 0.0), (0.0, norm))
    ...     step = Signals(tasks=(0, 1), losses=(1.0, 1.0), regression=(False, False), gram=gram)
    ...     weights, state = balancer.weigh(step, state)
    >>> balancer.name, [round(weight, 6) for weight in weights.shared]
    ('smooth:mgda', [1.25, 0.75])

    Attributes:
        method: A balancer on the Gramian.
        options: Its own hyper-parameters by name.
        decay: In [0, 1): how much of the weights of before stays.
    """

    needs: ClassVar[Needs] = "gram"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper=(
            "Zhou et al. 2022, https://proceedings.neurips.cc/paper_files/paper/2022/file/"
            "f91bd64a3620aad8e70a27ad9cb3ca57-Paper-Conference.pdf"
        ),
        equation="CR-MOGM, its running mean",
    )

    method: str
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    decay: Share = 0.9

    def __post_init__(self) -> None:
        """Refuse what is no method on the Gramian."""
        refuse_unfit(self.method, self.options)

    @property
    def name(self) -> str:
        """``smooth:`` and the method."""
        return f"smooth:{self.method}"

    @cached_property
    def _inner(self) -> Balancer[Any]:
        return inside(self.method, self.options)

    def init(self, num_tasks: int) -> SmoothState:
        """No weights yet.

        Raises:
            MtlkdError: where the method does not fit the number of tasks.
        """
        return SmoothState(weights=(None,) * num_tasks, inner=dumps(self._inner.init(num_tasks)))

    def weigh(self, signals: Signals, state: SmoothState) -> tuple[Weights, SmoothState]:
        """The smoothed weights, this step's included."""
        found, inner = weigh_inside(self._inner, signals, state.inner)
        kept = list(state.weights)
        for task, weight in zip(signals.tasks, found.shared, strict=True):
            before = kept[task]
            kept[task] = weight if before is None else self.decay * before + (1 - self.decay) * weight
        shared = tuple(known for task in signals.tasks if (known := kept[task]) is not None)
        return Weights(shared=shared, heads=found.heads), SmoothState(weights=tuple(kept), inner=inner)

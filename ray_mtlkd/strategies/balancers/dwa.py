"""DWA: weights by how fast losses fall."""

from dataclasses import dataclass
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import PositiveFloat, PositiveInt
from ray_mtlkd.strategies.balancers.base import Needs, Signals, Weights
from ray_mtlkd.strategies.balancers.facts import MethodFacts
from ray_mtlkd.strategies.balancers.softmax import softmax

_LEAST = 1e-8


@dataclass(frozen=True, kw_only=True)
class Span:
    """A task's losses on labels: sum and number since the last whole span, and the means of the two spans before it."""

    total: float = 0.0
    steps: int = 0
    newer: float | None = None
    older: float | None = None

    @property
    def rate(self) -> float:
        """What is left of a loss after a span; 1 before two spans are whole."""
        return 1.0 if self.newer is None or self.older is None else self.newer / max(self.older, _LEAST)

    def add(self, loss: float, *, interval: int) -> "Span":
        """The task one step further."""
        total, steps = self.total + loss, self.steps + 1
        if steps < interval:
            return Span(total=total, steps=steps, newer=self.newer, older=self.older)
        return Span(newer=total / steps, older=self.newer)


@dataclass(frozen=True, kw_only=True)
class DWAState:
    """Each task's losses of late [T]."""

    spans: tuple[Span, ...]


@document
class DWA:
    """Weigh up the tasks whose losses fall most slowly.

    Liu, Johns and Davison, "End-to-End Multi-Task Learning with Attention", CVPR 2019, arXiv:1803.10704, eq. 7 (Dynamic
    Weight Average). With L_i(t) the mean loss in the span t of steps::

        w  =  A softmax(r / T)        r_i = L_i(t - 1) / L_i(t - 2)        1 before two spans are whole

    The paper's span is an epoch; tables of different lengths have none in common, so it is a number of the task's own
    steps. A task that distils keeps the rate that it had.

    >>> from ray_mtlkd.strategies.balancers.base import Signals
    >>> balancer = DWA(interval=1, temperature=1.0)
    >>> state = balancer.init(2)
    >>> for losses in ((1.0, 1.0), (0.5, 1.0), (0.5, 1.0)):
    ...     step = Signals(tasks=(0, 1), losses=losses, regression=(False, False))
    ...     weights, state = balancer.weigh(step, state)
    >>> [round(weight, 3) for weight in weights.shared]
    [0.755, 1.245]

    Attributes:
        temperature: Above 0; the higher, the more alike the weights.
        interval: Steps of a span.
    """

    name: ClassVar[str] = "dwa"
    needs: ClassVar[Needs] = "losses"
    facts: ClassVar[MethodFacts] = MethodFacts(
        paper="Liu, Johns and Davison 2019, arXiv:1803.10704",
        equation="eq. 7",
        guarantees=("no negative weight",),
    )

    temperature: PositiveFloat = 2.0
    interval: PositiveInt = 100

    def init(self, num_tasks: int) -> DWAState:
        """No losses are known."""
        return DWAState(spans=(Span(),) * num_tasks)

    def weigh(self, signals: Signals, state: DWAState) -> tuple[Weights, DWAState]:
        """The weights of the spans before this step, which sum to the number of active tasks."""
        weights = softmax([state.spans[task].rate / self.temperature for task in signals.tasks])
        spans = list(state.spans)
        for task, loss in zip(signals.tasks, signals.losses, strict=True):
            if task not in signals.distilling:
                spans[task] = spans[task].add(loss, interval=self.interval)
        return Weights(shared=weights, heads=weights), DWAState(spans=tuple(spans))

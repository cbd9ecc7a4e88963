"""A converged task stops, and goes on when it has lost what it knew."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import Share
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Return,
    Role,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.transitions import go_back, has_lost, newly_converged, start_all, stop


@document
class StopAndGo:
    """All tasks train together; each stops when it has converged, and goes when it has fallen.

    Dynamic stop-and-go: Lu et al., "12-in-1: Multi-Task Vision and Language Representation Learning", CVPR 2020,
    arXiv:1912.02315, section 3.2. There a task counts as converged when it has gained less than 0.1 % over two of its
    epochs, goes on when it is 0.5 % below its best, and takes every fourth batch while it has stopped. Here
    ``convergence`` says when a task has converged, a fall is that of the smoothed metric below what it was at its last
    gain, and one that has stopped takes no batch.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5), TaskFacts(name="small", rows=90, difficulty=0.5)]
    >>> learning = ConvergenceVerdict(converged=False, best_step=80, reason="still gains")
    >>> curriculum = StopAndGo()
    >>> state, _ = curriculum.begin(facts)
    >>> converged = ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations")
    >>> state, actions = curriculum.advance(state, [learning, converged])
    >>> state.phases, actions
    (('labels', 'stopped'), (Stop(task=1),))
    >>> fallen = ConvergenceVerdict(converged=True, best_step=40, reason="0.79 is 0.988 of 0.80", retained=0.988)
    >>> state, actions = curriculum.advance(state, [learning, fallen])
    >>> state.phases, actions
    (('labels', 'labels'), (Return(task=1),))

    Attributes:
        degradation: Share of its metric that a task that has stopped may lose.
    """

    name: ClassVar[str] = "stop_and_go"
    role: ClassVar[Role] = "baseline"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = True

    degradation: Share = 0.005

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Tasks that have fallen go, and newly converged ones stop, but for those with which the last has converged."""
        fallen = [
            task
            for task, (phase, verdict) in enumerate(zip(state.phases, verdicts, strict=True))
            if phase == "stopped" and has_lost(verdict, 1.0 - self.degradation)
        ]
        tasks = newly_converged(state, verdicts)
        state, stops = stop(go_back(state, fallen), tasks)
        return state, (*(Return(task) for task in fallen), *stops)

"""Control: a converged task stops training, the method without its distillation."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Role,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.transitions import newly_converged, start_all, stop


@document
class StopConverged:
    """All tasks train together; each leaves when it has converged, while others still learn.

    The last one has nobody to leave to: where steps follow, it trains on.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5), TaskFacts(name="small", rows=90, difficulty=0.5)]
    >>> verdicts = [
    ...     ConvergenceVerdict(converged=False, best_step=80, reason="still gains"),
    ...     ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations"),
    ... ]
    >>> curriculum = StopConverged()
    >>> state, _ = curriculum.begin(facts)
    >>> state, actions = curriculum.advance(state, verdicts)
    >>> state.phases, actions
    (('labels', 'stopped'), (Stop(task=1),))
    """

    name: ClassVar[str] = "stop"
    role: ClassVar[Role] = "control"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Newly converged tasks stop, earliest peak first, but for those with which the last has converged."""
        return stop(state, newly_converged(state, verdicts))

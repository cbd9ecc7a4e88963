"""Control: a converged task stops training, the method without its distillation."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Role,
    Stop,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.transitions import finish_or, newly_converged, settle, start_all


@document
class StopConverged:
    """All tasks train together; each leaves when it has converged.

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
    own_models: ClassVar[bool] = False
    rewinds: ClassVar[bool] = False

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Newly converged tasks stop, earliest peak first."""
        tasks = newly_converged(state, verdicts)
        state = settle(state, tasks, phase="stopped")
        return state, (*(Stop(task) for task in tasks), *finish_or(state, ()))

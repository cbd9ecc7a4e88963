"""Each task alone with a model of its own: the reference for negative transfer."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Action, ConvergenceVerdict, CurriculumState, Role, TaskFacts
from ray_mtlkd.strategies.curricula.transitions import note, start_all


@document
class SingleTask:
    """All tasks train until all have converged, and share nothing.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5), TaskFacts(name="small", rows=90, difficulty=0.5)]
    >>> verdicts = [
    ...     ConvergenceVerdict(converged=False, best_step=80, reason="still gains"),
    ...     ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations"),
    ... ]
    >>> curriculum = SingleTask()
    >>> state, _ = curriculum.begin(facts)
    >>> state, actions = curriculum.advance(state, verdicts)
    >>> state.phases, actions
    (('labels', 'labels'), ())
    >>> curriculum.groups
    ()
    """

    name: ClassVar[str] = "single_task"
    role: ClassVar[Role] = "reference"
    groups: ClassVar[tuple[()]] = ()
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Convergence is noted and changes nothing."""
        return note(state, verdicts), ()

"""Control: training goes back to each task's peak, the method without its soft labels."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Rewind,
    Role,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.transitions import newly_converged, settle, start_all


@document
class RewindOnly:
    """All tasks train together; training goes back once to each one's peak, and every task keeps its labels.

    Optimizer and samplers go back with the model, so that the same steps follow: as long as the budget lasts, the
    outcome is that of `joint`, bit for bit, at the price of the steps that are done twice. A rewind can only gain by
    the soft labels that come with it.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5), TaskFacts(name="small", rows=90, difficulty=0.5)]
    >>> verdicts = [
    ...     ConvergenceVerdict(converged=False, best_step=80, reason="still gains"),
    ...     ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations"),
    ... ]
    >>> curriculum = RewindOnly()
    >>> state, _ = curriculum.begin(facts)
    >>> state, actions = curriculum.advance(state, verdicts)
    >>> state.phases, actions
    (('labels', 'labels'), (Rewind(step=40),))
    """

    name: ClassVar[str] = "rewind_only"
    role: ClassVar[Role] = "control"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = True
    watches: ClassVar[bool] = False

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Of the newly converged tasks, the one with the earliest peak rewinds the model; the others are void.

        The last task rewinds nothing: what would be done again has been done.
        """
        tasks = newly_converged(state, verdicts)[:1]
        state = settle(state, tasks, phase="labels")
        return state, tuple(Rewind(verdicts[task].best_step) for task in tasks if not all(state.converged))

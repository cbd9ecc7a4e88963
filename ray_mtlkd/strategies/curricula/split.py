"""Groups of tasks with a model each: what a split of the tasks is worth."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Action, ConvergenceVerdict, CurriculumState, Groups, Role, TaskFacts
from ray_mtlkd.strategies.curricula.transitions import note, start_all


@document
class Split:
    """The tasks of a group train together until all of them have converged, and share nothing with others.

    All models together have the budget of one of all tasks: each task takes as many batches, of the same size.

    >>> from ray_mtlkd.strategies.curricula.base import models_of
    >>> models_of(Split(groups=(("a", "c"),)).groups, ["a", "b", "c"])
    [(0, 2), (1,)]

    Attributes:
        groups: Names of the tasks of each model; a task in none has one of its own.
    """

    name: ClassVar[str] = "split"
    role: ClassVar[Role] = "reference"
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    groups: Groups = ()

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start."""
        return start_all(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Convergence is noted and changes nothing."""
        return note(state, verdicts), ()

"""A model of each task first, and then one model of all tasks that is taught by them."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import OpenShare
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Role,
    Schooling,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.transitions import note, start_taught


@document
class SingleKD:
    """Single-task models train first, and teach one multitask model from its first step to its last.

    Clark et al., "BAM! Born-Again Multi-Task Networks for Natural Language Understanding", ACL 2019, arXiv:1907.04829,
    section 3. There the student goes over from its teachers to the labels as it trains: ``kd.label_weight: anneal``.
    The teachers have the student's seed, its architecture and its settings, and train at its expense, since what one
    model is compared with has the same budget; in the paper they come for free.

    >>> from ray_mtlkd.strategies.curricula.base import TaskFacts
    >>> curriculum = SingleKD(teachers_share=0.25)
    >>> curriculum.schooling
    Schooling(share=0.25, seeds=1, alone=True)
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5, taught=True)]
    >>> curriculum.begin(facts)[0].phases
    ('distilling',)

    Attributes:
        teachers_share: Of the budget, shared out equally among the tasks. With ``training.finish: converged``, what a
            teacher that converges leaves of it is the student's.
    """

    name: ClassVar[str] = "single_kd"
    role: ClassVar[Role] = "kd"
    groups: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    teachers_share: OpenShare = 0.5

    @property
    def schooling(self) -> Schooling:
        """A model of each task."""
        return Schooling(share=self.teachers_share, seeds=1, alone=True)

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start, and distil."""
        return start_taught(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Convergence is noted and changes nothing."""
        return note(state, verdicts), ()

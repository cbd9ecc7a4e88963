"""Several models first, and then one model that is taught by what they say together."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import OpenShare, PositiveInt
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
class EnsembleKD:
    """Models of several seeds train first; one multitask model learns the mean of their predictions.

    Liu et al., "Improving Multi-Task Deep Neural Networks via Knowledge Distillation for Natural Language
    Understanding", 2019, arXiv:1904.09482, section 4: with Q_k the class probabilities of teacher k of K, the soft
    label is Q = 1/K sum_k Q_k. Of numbers and rankings it is the mean of the outputs. The first teacher has the
    student's seed; all train at its expense, each on an equal part of their share of the budget.

    >>> from ray_mtlkd.strategies.curricula.base import TaskFacts
    >>> curriculum = EnsembleKD(teachers=4, alone=True)
    >>> curriculum.schooling
    Schooling(share=0.5, seeds=4, alone=True)
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5, taught=True)]
    >>> curriculum.begin(facts)[0].phases
    ('distilling',)

    Attributes:
        teachers: K: models of all tasks, or of each task.
        alone: Whether each teacher is of one task, as the paper's are in the end; else each is trained jointly.
        teachers_share: Of the budget. With ``training.finish: converged``, what a teacher that converges leaves of it
            is the student's.
    """

    name: ClassVar[str] = "ensemble_kd"
    role: ClassVar[Role] = "kd"
    groups: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    teachers: PositiveInt = 3
    alone: bool = False
    teachers_share: OpenShare = 0.5

    @property
    def schooling(self) -> Schooling:
        """As the fields say."""
        return Schooling(share=self.teachers_share, seeds=self.teachers, alone=self.alone)

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start, and distil."""
        return start_taught(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Convergence is noted and changes nothing."""
        return note(state, verdicts), ()

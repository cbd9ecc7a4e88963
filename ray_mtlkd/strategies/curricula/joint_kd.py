"""Joint training in which a converged task learns from its own teacher."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document, refuse
from ray_mtlkd.ranges import Fraction, PositiveInt
from ray_mtlkd.strategies.curricula.base import Action, ConvergenceVerdict, CurriculumState, Role, TaskFacts
from ray_mtlkd.strategies.curricula.transitions import due, may_turn, start_taught, teach, unwatchable


@document
class JointKD:
    """All tasks train together; each is distilled from its converged self.

    Lu et al., "Asynchronous Convergence in Multi-Task Learning via Knowledge Distillation from Converged Tasks", NAACL
    2022 (industry track), https://aclanthology.org/2022.naacl-industry.18: once a task's
    validation metric stops improving, the model at its peak predicts the task's training table, and from then on the
    task is trained to keep these predictions while the others still learn.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="large", rows=900, difficulty=0.5), TaskFacts(name="small", rows=90, difficulty=0.5)]
    >>> verdicts = [
    ...     ConvergenceVerdict(converged=False, best_step=80, reason="still gains"),
    ...     ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations"),
    ... ]
    >>> curriculum = JointKD()
    >>> state, _ = curriculum.begin(facts)
    >>> state, actions = curriculum.advance(state, verdicts)
    >>> state.phases, actions
    (('labels', 'distilling'), (Relabel(task=1, step=40),))

    Attributes:
        rewind: Whether training goes on from the task's peak instead of the present parameters. The paper's text
            allows both readings. A rewind undoes the evaluations on which the other tasks were judged, so only the
            task with the earliest peak is dealt with at a time.
        reteach: Whether a task that surpasses its teacher is relabelled by the better model that it has become.
        retention: A task whose metric falls below so much of its teacher's learns from its labels again, until it has
            converged again; None: a task that distils does so to the end.
        turns: Of a task, re-teachings and returns at most.
    """

    name: ClassVar[str] = "joint_kd"
    role: ClassVar[Role] = "kd"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None

    rewind: bool = False
    reteach: bool = False
    retention: Fraction | None = None
    turns: PositiveInt = 3

    def __post_init__(self) -> None:
        """Refuse to judge by evaluations that are undone."""
        refuse(unwatchable(self))

    @property
    def rewinds(self) -> bool:
        """As the field says."""
        return self.rewind

    @property
    def watches(self) -> bool:
        """Where tasks may turn."""
        return may_turn(self)

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """All tasks start, each that is taught by distilling."""
        return start_taught(facts)

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """Newly converged tasks are relabelled, earliest peak first; with rewind, only the first of them."""
        return teach(self, state, verdicts, tasks=due(self, state, verdicts))

"""Tasks one after the other, each distilled from its converged self while the next one learns."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document, refuse
from ray_mtlkd.ranges import Fraction, PositiveInt
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Role,
    TaskFacts,
)
from ray_mtlkd.strategies.curricula.ordering import Order, arrange
from ray_mtlkd.strategies.curricula.transitions import (
    due,
    may_turn,
    start_first,
    start_next,
    taught_tasks,
    teach,
    unwatchable,
)


@document
class SequentialKD:
    """One task at a time learns from labels; all before it keep their teachers' predictions.

    Lu et al., "Asynchronous Convergence in Multi-Task Learning via Knowledge Distillation from Converged Tasks", NAACL
    2022 (industry track), https://aclanthology.org/2022.naacl-industry.18, the sequential variant.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="small", rows=90, difficulty=0.5), TaskFacts(name="large", rows=900, difficulty=0.5)]
    >>> done = ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations")
    >>> curriculum = SequentialKD(order="by_size", rewind=True)
    >>> state, actions = curriculum.begin(facts)
    >>> state, actions = curriculum.advance(state, [done, done])
    >>> state.phases
    ('labels', 'distilling')
    >>> actions
    (Relabel(task=1, step=40), Rewind(step=40), Start(task=0))

    Attributes:
        order: The largest train table first (``by_size``), the easiest task first (``by_difficulty``), or every task's
            name once.
        rewind: Whether the next task starts from the peak of the one before instead of the present parameters. A
            rewind undoes the evaluations on which others that learn were judged, so only the task with the earliest
            peak is dealt with at a time.
        reteach: Whether a task that surpasses its teacher is relabelled by the better model that it has become.
        retention: A task whose metric falls below so much of its teacher's learns from its labels again, until it has
            converged again; None: a task that distils does so to the end.
        turns: Of a task, re-teachings and returns at most.
    """

    name: ClassVar[str] = "sequential_kd"
    role: ClassVar[Role] = "kd"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None

    order: Order = "by_size"
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
        """The first task in order starts, and all that are taught, by distilling.

        Raises:
            MtlkdError: where `order` does not name every task once.
        """
        return start_first(arrange(self.order, facts), taught=taught_tasks(facts))

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """When a learning task has converged, it is relabelled and the next one starts; with rewind, one at a time."""
        tasks = due(self, state, verdicts)
        is_next = any(state.turns[task] == 0 for task in tasks)  # one that had gone back to its labels starts nobody
        state, actions = teach(self, state, verdicts, tasks=tasks)
        state, starts = start_next(state) if is_next else (state, ())
        return state, (*actions, *starts)

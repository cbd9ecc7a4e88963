"""Control: tasks are added one by one, the sequence without the distillation."""

from collections.abc import Sequence
from typing import ClassVar

from ray_mtlkd.decode import document
from ray_mtlkd.strategies.curricula.base import Action, ConvergenceVerdict, CurriculumState, Role, TaskFacts
from ray_mtlkd.strategies.curricula.ordering import Order, arrange
from ray_mtlkd.strategies.curricula.transitions import newly_converged, settle, start_first, start_next


@document
class Sequential:
    """The next task joins when the last one that joined has converged; all keep their labels.

    >>> from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
    >>> facts = [TaskFacts(name="small", rows=90, difficulty=0.5), TaskFacts(name="large", rows=900, difficulty=0.5)]
    >>> done = ConvergenceVerdict(converged=True, best_step=40, reason="no gain for 5 evaluations")
    >>> curriculum = Sequential(order="by_size")
    >>> state, actions = curriculum.begin(facts)
    >>> state.phases, actions
    (('waiting', 'labels'), (Start(task=1),))
    >>> state, actions = curriculum.advance(state, [done, done])
    >>> state.phases, actions
    (('labels', 'labels'), (Start(task=0),))

    Attributes:
        order: The largest train table first (``by_size``), the easiest task first (``by_difficulty``), or every task's
            name once.
    """

    name: ClassVar[str] = "sequential"
    role: ClassVar[Role] = "control"
    groups: ClassVar[None] = None
    schooling: ClassVar[None] = None
    rewinds: ClassVar[bool] = False
    watches: ClassVar[bool] = False

    order: Order = "by_size"

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """The first task in order starts.

        Raises:
            MtlkdError: where `order` does not name every task once.
        """
        return start_first(arrange(self.order, facts))

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """When the last task that joined has converged, it goes on as it is and the next one starts."""
        tasks = newly_converged(state, verdicts)
        if not tasks:
            return state, ()
        return start_next(settle(state, tasks, phase="labels"))

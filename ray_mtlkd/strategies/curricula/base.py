"""What a curriculum is: when each task trains, and on which targets. A pure state machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, get_args

from ray_mtlkd.decode import join, unknown_name
from ray_mtlkd.errors import MtlkdError

Role = Literal["baseline", "kd", "control", "reference"]
ROLES: tuple[Role, ...] = get_args(Role)
Phase = Literal["waiting", "labels", "distilling", "stopped"]
Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """What a curriculum may know of a task before training.

    Attributes:
        rows: Rows of the train table.
        difficulty: What the trivial predictor leaves to learn, |perfect - trivial| / max(|perfect|, |trivial|) of the
            task's metric on validation, in [0, 1] for the usual metrics: 0 where guessing is perfect.
        taught: Whether it has soft labels already.
    """

    name: str
    rows: int
    difficulty: float
    taught: bool = False


@dataclass(frozen=True, kw_only=True)
class Schooling:
    """Models that are trained before the one that is measured, at the expense of its budget, and teach its tasks.

    Attributes:
        share: Of the budget, for all of them together; what they leave is the student's.
        seeds: Whose predictions are averaged, each task's or all tasks'.
        alone: Whether each is of one task only.
    """

    share: float
    seeds: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class ConvergenceVerdict:
    """Whether a task has converged, and why.

    Attributes:
        best_step: Physical step of its best evaluation (-1 where there was none), since it started, or else since it
            was last relabelled or went back to its labels.
        retained: Its present metric, smoothed, over its teacher's, or over the smoothed one of its last gain where it
            has none (the inverse where lower is better); None before it has converged, before there are as many
            evaluations since as are smoothed over, and where it says nothing.
        surpasses: Whether it is better than its teacher by more than counts as a gain, after as many evaluations.
    """

    converged: bool
    best_step: int
    reason: str
    retained: float | None = None
    surpasses: bool = False


@dataclass(frozen=True, kw_only=True)
class CurriculumState:
    """Plain data, stored as JSON in checkpoints.

    Attributes:
        phases: [T].
        converged: Tasks whose convergence the curriculum has dealt with [T]; their verdicts no longer matter.
        order: Task indices in the order in which the curriculum starts them [T].
        turns: How often each was relabelled by a better teacher or went back to its labels [T].
    """

    phases: tuple[Phase, ...]
    converged: tuple[bool, ...]
    order: tuple[int, ...]
    turns: tuple[int, ...]


@dataclass(frozen=True)
class Relabel:
    """Replace the task's labels by the predictions of a teacher: the model as of ``step``, or what is made of it.

    A task that has a teacher keeps it where the new one turns out to reach no more.
    """

    task: int
    step: int


@dataclass(frozen=True)
class Rewind:
    """Model, optimizer, samplers, balancer and unconverged tasks' trackers go back to what they were at ``step``."""

    step: int


@dataclass(frozen=True)
class Start:
    """The task takes batches from now on."""

    task: int


@dataclass(frozen=True)
class Stop:
    """The task takes no batches any more."""

    task: int


@dataclass(frozen=True)
class Return:
    """The task learns from its labels again, and is judged anew."""

    task: int


@dataclass(frozen=True)
class Resume:
    """The task distils again, on the soft labels that it has."""

    task: int


Action = Relabel | Rewind | Start | Stop | Return | Resume


def models_of(groups: Groups | None, tasks: Sequence[str]) -> list[tuple[int, ...]]:
    """The places of the tasks of each model, each ascending, by their first.

    >>> models_of((("c", "a"),), ["a", "b", "c"])
    [(0, 2), (1,)]

    Raises:
        MtlkdError: where a group names a task that is not there, or that another one has; the first such group.
    """
    if groups is None:
        return [tuple(range(len(tasks)))]
    models: list[tuple[int, ...]] = []
    for at, group in enumerate(groups):
        where = join("curriculum.groups", at)
        for name in group:
            if name not in tasks:
                raise unknown_name(name, tasks, what="task", where=where)
        model = tuple(sorted({tasks.index(name) for name in group}))
        known = [tasks[task] for other in models for task in other if task in model]
        if known or not model:
            what = f"{known[0]!r} is in another group already" if known else "nobody is in this group"
            raise MtlkdError(what, where=where, fix="name each task once; those that are named nowhere train alone")
        models.append(model)
    grouped = {task for model in models for task in model}
    return sorted([*models, *((task,) for task in range(len(tasks)) if task not in grouped)])


class Curriculum(Protocol):
    """A frozen dataclass whose fields are the hyper-parameters; the methods are pure.

    When a run ends is the same for all, and not a curriculum's to say: see `ray_mtlkd.training.tail`. It is asked what
    comes next also when the last task has converged; where no step follows, nothing of that is done.

    Attributes:
        role: ``baseline``: trains all tasks jointly, without distillation. ``kd``: distils converged tasks.
            ``control``: has a part of the method without the rest. ``reference``: several models.
        groups: Names of tasks that share a model, by model; tasks in no group have one of their own each. None: all
            tasks share one model.
        rewinds: Whether `Rewind` may be asked for (the loop then keeps what it needs to go back).
        watches: Whether tasks are judged on when they have converged (the loop then keeps their best models since
            then). Not together with `rewinds`, which undoes the evaluations that they would be judged by.
        schooling: Models that are trained first; the model's tasks are then ``taught`` from the first step.
    """

    name: ClassVar[str]
    role: ClassVar[Role]

    @property
    def groups(self) -> Groups | None:
        """See above."""

    @property
    def schooling(self) -> Schooling | None:
        """None: there are none."""

    @property
    def rewinds(self) -> bool:
        """Whether `advance` may ever return `Rewind`."""

    @property
    def watches(self) -> bool:
        """Whether `advance` looks at `retained` and `surpasses`, and may ever return `Return`."""

    def begin(self, facts: Sequence[TaskFacts]) -> tuple[CurriculumState, tuple[Action, ...]]:
        """The state before the first step, with a `Start` for every task that trains from the first step.

        Curricula in the role of ``kd`` let a taught task distil from the first step on.

        Raises:
            MtlkdError: where a hyper-parameter does not fit the tasks.
        """

    def advance(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """The next state after an evaluation, and what to do, in order.

        Args:
            state: What the last call returned.
            verdicts: [T]; a waiting task's verdict is ignored, and so is, but for curricula that watch, that of one
                that has stopped or is dealt with.
        """

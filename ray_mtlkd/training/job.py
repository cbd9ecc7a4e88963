"""What a run is asked to do, and what comes out of it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from ray_mtlkd.data.examples import SetupTables, TaskTables
from ray_mtlkd.data.features import Layout
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.records import RelabelPlace, TaskResult, TrialEnd
from ray_mtlkd.serial import fingerprint
from ray_mtlkd.strategies.curricula.base import models_of
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.configuration import Configuration, describe
from ray_mtlkd.training.settings import DistilledRows, TeacherSort
from ray_mtlkd.training.state.progress import Evaluation
from ray_mtlkd.training.step.feed import batch_sizes


@dataclass(frozen=True, kw_only=True)
class Job:
    """One model, trained on one setup under one configuration from one seed.

    Attributes:
        gradient_bytes: What the tasks' gradients of shared parameters may take where they are compared; where all take
            more, some parameters come at a time: the same numbers but for rounding, and a longer step.
    """

    tables: SetupTables[Tensor]
    configuration: Configuration
    seed: int
    gradient_bytes: float = math.inf

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the result."""
        tasks = [table.task.name for table in self.tables.tasks]
        # where a teacher predicts decides nothing
        configuration = {**describe(self.configuration), "relabel": None}
        return fingerprint((self.tables.fingerprint, tasks, configuration, self.seed))

    @property
    def teacher(self) -> TeacherSort | None:
        """Which sort of model teaches its tasks once they have converged; None where the curriculum asks for none."""
        curriculum = self.configuration.strategy.curriculum
        return self.configuration.kd.teacher if curriculum.role == "kd" and curriculum.schooling is None else None

    @property
    def leaders(self) -> int:
        """How many of a task's best evaluations its teacher is made of."""
        return self.configuration.kd.average_of if self.teacher == "average" else 1

    @property
    def budget(self) -> int:
        """Task batches."""
        return self.configuration.training.steps * len(self.tables.tasks)

    @property
    def built_for(self) -> tuple[tuple[Task, Layout], ...]:
        """What its model is built for."""
        return tuple((table.task, table.layout) for table in self.tables.tasks)

    @property
    def parts(self) -> tuple["Job", ...]:
        """A job a model, where tasks do not all share one; else this one."""
        groups = self.configuration.strategy.curriculum.groups
        if groups is None:
            return (self,)
        return tuple(map(self.of, models_of(groups, [table.task.name for table in self.tables.tasks])))

    def alone(self, task: int) -> "Job":
        """The same job for one task only."""
        return self.of((task,))

    def of(self, tasks: Sequence[int]) -> "Job":
        """The same job for some tasks only, with batches of the size that each has beside all others."""
        tables = [self.tables.tasks[task] for task in tasks]
        shares_rows = self.tables.shares_rows and len(tasks) > 1
        every = batch_sizes(self.configuration.training, self.tables)
        sizes = {table.task.name: every[task] for table, task in zip(tables, tasks, strict=True)}
        given, least = self.configuration.training, min(sizes.values())
        # sizes are what sampling comes to; a batch cannot be cut into more parts than it has rows
        size: int | dict[str, int] = least if len(set(sizes.values())) == 1 else sizes
        training = replace(given, batch_size=size, sampling="equal", accumulation=min(given.accumulation, least))
        return replace(
            self,
            tables=replace(self.tables, tasks=tuple(tables), shares_rows=shares_rows),
            configuration=replace(self.configuration, training=training),
        )


@dataclass(frozen=True, kw_only=True)
class RelabelRequest:
    """A teacher and the rows that it labels of one task.

    Attributes:
        task: Name of the task.
        model: The teacher, in evaluation mode; not to be changed, and not to be kept.
        index: The task's index in the model.
        table: The task's, with all the rows in place of its train table.
        among: Tasks in whose train tables they are, so that another process finds them; none: in the task's own.
        tasks: What the model was built for.
    """

    task: str
    model: MultitaskModel
    index: int
    table: TaskTables[Tensor]
    among: tuple[str, ...] = ()
    tasks: tuple[tuple[Task, Layout], ...]


@dataclass(frozen=True, kw_only=True)
class SoftLabels:
    """A teacher's raw outputs for every row that it was asked, where they were computed, and why there."""

    outputs: Tensor
    where: RelabelPlace
    why: str


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The checkpoint that a run is measured at: the one with the best validation score.

    Attributes:
        job: What was trained.
        model: In evaluation mode; not to be changed, and not to be kept.
        step: Of the whole trial.
        score: On validation.
        own: Name of the model's first task, where tasks do not all share one.
    """

    job: Job
    model: MultitaskModel
    step: int
    score: float
    own: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """How far a run goes, and where its score is noted on the way: nothing that would change what it does there.

    Attributes:
        rungs: Shares of the budget in (0, 1), ascending.
        until: The run pauses at the first evaluation at which it has spent this share; 1: it goes to its end.
    """

    rungs: tuple[float, ...] = ()
    until: float = 1.0


RelabelFunction = Callable[[RelabelRequest], SoftLabels]
Report = Callable[[Evaluation], None]
Keep = Callable[[Chosen], None]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What a task learns from its first step: what somebody has said before of the rows that it distils from.

    Attributes:
        soft: Raw outputs for every row.
        rows: Which rows these are.
        value: What they who said it reach on validation, in the metric's own unit; None where nobody knows.
        who: In words.
    """

    soft: SoftLabels
    rows: DistilledRows
    value: float | None
    who: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A finished run."""

    end: TrialEnd
    tasks: tuple[TaskResult, ...]

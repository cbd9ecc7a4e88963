"""What a run has done so far, as plain data: it goes into a checkpoint as JSON and comes back exactly."""

from dataclasses import dataclass, field

from torch import Tensor

from ray_mtlkd.records import CurvePoint, Event, RelabelPlace, Rung, TaughtRows, TrialWarning
from ray_mtlkd.strategies.curricula.base import CurriculumState
from ray_mtlkd.training.evaluation.convergence import Tracker
from ray_mtlkd.training.settings import DistilledRows
from ray_mtlkd.training.step.agreement import TaskAgreement


@dataclass(frozen=True, kw_only=True)
class Internals:
    """The part of a snapshot that is not tensors.

    Attributes:
        drawn: Batches that each sampler has given.
        trackers: [T].
        balancer: The balancer's state as JSON: its type is the balancer's own.
        rng: State of the balancer's random generator: version, words, cached gauss.
    """

    drawn: tuple[int, ...]
    trackers: tuple[Tracker, ...]
    balancer: str
    rng: tuple[int, tuple[int, ...], float | None]


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The model at one evaluation, and, where a run may go back there or resume there, everything else that trains.

    Attributes:
        tensors: ``model.*``, ``teacher.*`` where a moving average teaches; with internals also ``optimizer.*`` and
            ``rng``.
    """

    tensors: dict[str, Tensor]
    internals: Internals | None = None


@dataclass(frozen=True, kw_only=True)
class Peak:
    """A task's best validation metric over the whole run, and where."""

    value: float
    step: int


@dataclass(frozen=True, kw_only=True)
class Best:
    """The evaluation with the best validation score among those where every task had started."""

    score: float
    step: int
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TeacherStep:
    """A converged task's best evaluation, and the evaluation at which its convergence was noticed.

    Attributes:
        value: Its teacher's validation metric, where it was relabelled, else that of the evaluation; None where nobody
            knows it.
        step: None where the teacher is no model of this run.
        noticed: None before.
    """

    value: float | None
    step: int | None
    noticed: int | None


@dataclass(frozen=True, kw_only=True)
class Relabelled:
    """A task's switch to its teacher.

    Attributes:
        where: Its soft labels were computed, and ``why`` there.
        rows: Which rows have soft labels, and of which ``tables`` they are.
        kd_weight: Factor on the distillation loss.
        weighed: Whether that stays; else it is measured at the next evaluation.
        batches: Task batches that were spent by then.
    """

    where: RelabelPlace
    why: str
    rows: DistilledRows
    tables: tuple[TaughtRows, ...]
    kd_weight: float
    weighed: bool
    batches: int


@dataclass(kw_only=True)
class Progress:
    """The run's bookkeeping; everything here survives a rewind.

    Attributes:
        step: Physical steps taken.
        batches: Task batches spent.
        converged_at: Task batches spent when every task had converged; None before.
        soft: Per relabelled task, the name of its soft labels in the storage.
        relabelled: Per relabelled task.
        rungs: Passed so far.
        agreement: Of the tasks' gradients, over all steps so far.
    """

    curriculum: CurriculumState
    peaks: list[Peak | None]
    teachers: list[TeacherStep | None]
    curves: list[list[CurvePoint]]
    step: int = 0
    batches: int = 0
    converged_at: int | None = None
    finished: bool = False
    best: Best | None = None
    soft: dict[int, str] = field(default_factory=dict)
    relabelled: dict[int, Relabelled] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    warnings: list[TrialWarning] = field(default_factory=list)
    rungs: list[Rung] = field(default_factory=list)
    agreement: TaskAgreement = field(default_factory=TaskAgreement)
    wall_s: float = 0.0
    cpu_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What the run tells the outside after each evaluation.

    Attributes:
        budget: Task batches that the run may spend.
        tasks: Names [T].
        points: [T].
        score: Mean skill; None while a task waits.
        events: Since the last evaluation.
        agreement: Of the tasks' gradients since the last evaluation, where the balancer measures it.
        penalties: Beside the tasks' losses, by the regularizer's name.
    """

    step: int
    batches: int
    budget: int
    tasks: tuple[str, ...]
    points: tuple[CurvePoint, ...]
    score: float | None
    events: tuple[Event, ...]
    agreement: TaskAgreement
    penalties: dict[str, float]

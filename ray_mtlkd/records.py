"""What a trial tells the report: one Parquet file a trial, one row a task; classical models: one file a setup.

These types are the only tie between ``sweep`` (which writes them) and ``report`` (which reads them), and their fields
are the tables' columns. A column that a file lacks holds the field's default, which says that there is nothing.
Everything but ``wall_s``, ``cpu_s`` and ``relabelled_…`` is reproducible bit for bit.

Fields that are named ``step`` or ``…_step`` count physical steps: they never go back, also where the curriculum
rewinds. ``batches`` are the task batches that the whole trial has spent so far.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeVar

import pyarrow as pa

from ray_mtlkd.arrow import defaults_of, from_plain, hints, schema_of, to_plain

Stage = Literal["search", "replicate"]
Status = Literal["ok", "failed", "defect", "lost"]
EventKind = Literal["start", "converge", "relabel", "weigh", "rewind", "stop", "return", "resume", "cooldown", "finish"]
RelabelPlace = Literal["inline", "shared", "pool", "given"]


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One task at one evaluation."""

    step: int
    batches: int
    valid: float | None
    """Validation metric; None while the task waits."""
    loss: float | None
    """Mean training loss since the last evaluation; None where the task took no batch."""
    weight: float | None
    """Mean weight of the task in the shared gradient since the last evaluation."""
    phase: str
    """``waiting``, ``labels``, ``distilling`` or ``stopped``, after this evaluation."""
    kd_weight: float | None = None
    """Factor on the distillation loss, while the task distils; else None."""
    conflict: float | None = None
    """Share, in [0, 1], of (step, other task) since the last evaluation in which the task's shared gradient conflicts
    with the other's, that is has a cosine below 0 with it (PCGrad: Yu et al. 2020, arXiv:2001.06782, definition 1), of
    those in which both learned from labels; None where there was none, or no Gramian was measured."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that the curriculum did, or how the run ends."""

    step: int
    batches: int
    kind: EventKind
    task: str | None
    reason: str
    """In words."""
    model_step: int | None = None
    """The step whose model relabelled the task, or that the trial went back to; None in events of other kinds."""


@dataclass(frozen=True, kw_only=True)
class TaughtRows:
    """Rows of one table that a task's teacher has labelled."""

    table: str
    """``TASK/train``: rows with labels of the task itself, or of another one. ``TASK/unlabelled``: its other ones."""
    rows: int
    drawn: int
    """Of these, the task distils from so many."""


@dataclass(frozen=True, kw_only=True)
class TrialWarning:
    """Something that a reader of a trial's numbers should know."""

    kind: Literal["data", "untrained", "restarted"]
    """``data``: of the setup's tables. ``untrained``: the budget ended before the task had trained. ``restarted``: a
    checkpoint was damaged."""
    task: str | None
    text: str
    """In words that stand for themselves."""


@dataclass(frozen=True, kw_only=True)
class Rung:
    """Where the configurations of a search were compared before the end of their budget."""

    share: float
    """Of the budget, in (0, 1)."""
    score: float | None
    """The trial's best validation score up to there; None where a task had not started."""


@dataclass(frozen=True, kw_only=True)
class TaskIdentity:
    """Which trial, and which of its tasks."""

    sweep: str
    """Identity of the sweep: its name and the fingerprint of its search space."""
    setup: str
    strategy: str
    """Display name, unique in a sweep: ``sequential_kd``, ``joint_kd+gradnorm``, …"""
    curriculum: str
    balancer: str
    role: str
    """``baseline``: joint training without distillation. ``kd``: distils. ``control``: part of the method without the
    rest. ``reference``: several models."""
    stage: Stage
    config_index: int
    config: str
    """The resolved configuration as JSON, flat: ``{"training.lr": 0.003, …}``."""
    seed: int
    trial: str
    """Unique in a sweep and safe as a file name."""
    task: str
    task_index: int
    kind: str
    metric: str
    sign: int
    """+1 where a higher metric is better, else -1."""
    train_rows: int
    trivial: float
    """The trivial predictor's metric on validation."""
    perfect: float
    weight: float = 1.0
    """The task's share of a mean over tasks, beside the others'; 0: it trains, but does not count."""


@dataclass(frozen=True, kw_only=True)
class TrialEnd:
    """How a trial ended, and what it took: the same in every row of a trial."""

    status: Status
    """``ok``: it ran to its end. ``failed``: what it was asked to do cannot be done, e.g. a loss stopped being finite.
    ``defect``: an error of the program. ``lost``: its worker was lost too often, or killed for memory even alone."""
    error: str | None = None
    """What ended it where it is not ``ok``, with task and step."""
    warnings: list[TrialWarning] = field(default_factory=list)
    score: float | None = None
    """Mean skill over tasks on validation, at the checkpoint."""
    steps: int = 0
    """Physical steps of the whole trial; ``batches``: task batches of the whole trial."""
    batches: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    """Of the trial's own process: what shared or pool actors spend on relabelling is not in it."""
    predictions: str | None = None
    """SHA-256 of the file of its predictions (`ray_mtlkd.predicted`); None where it left none."""
    rungs: list[Rung] = field(default_factory=list)
    """Of a search that halves, those that the trial has passed, in their order."""
    stopped_at: float | None = None
    """Share of its budget at which the search let go of the trial, or has not gone on with it yet; None where it ran
    to its end."""
    parameters: int | None = None
    """Of the model that it leaves, those that stay as they are included; of several models, their sum. Teachers that it
    trained for itself are not among them. None where it is not ``ok``."""
    trained_parameters: int | None = None
    """Those of them that train."""
    stalls: int = 0
    """How often its process was ended before since it did nothing any more (`resources.stall_s`)."""


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """What became of one task; nothing of it is there where the trial is not ``ok``.

    Metrics are in the metric's own unit.
    """

    valid: float | None = None
    """At the checkpoint with the best validation score; ``test``: on test, by the same parameters."""
    test: float | None = None
    valid_peak: float | None = None
    """At the task's own best evaluation; ``test_peak``: on test, by the same parameters."""
    test_peak: float | None = None
    peak_step: int | None = None
    """That evaluation's."""
    valid_end: float | None = None
    """At the last evaluation; None where the task still waited."""
    teacher: float | None = None
    """Validation metric of the task's teacher, which may be a mean of models; of its best evaluation where it was not
    relabelled. None where the task never converged."""
    retention: float | None = None
    """``valid / teacher``; None where the task never converged."""
    converged_step: int | None = None
    """The evaluation at which convergence was noticed; ``teacher_step``: the best one before it."""
    teacher_step: int | None = None
    checkpoint_step: int | None = None
    relabelled_where: RelabelPlace | None = None
    """Where the teacher's predictions were computed, or that they were ``given``; None where the task was not
    relabelled."""
    relabelled_why: str | None = None
    """Why there, with the measured costs."""
    taught_rows: list[TaughtRows] = field(default_factory=list)
    """What the last teacher has labelled, by table, the task's own first; empty where the task was not relabelled."""
    distilled_rows: int | None = None
    """Of all these, the task distils from so many; None where it was not relabelled."""
    cosines: list[float | None] = field(default_factory=list)
    """Mean cosine of the task's shared gradient with each task's, by task_index, over the steps in which both learned
    from labels; empty where no Gramian was measured."""
    affinities: list[float | None] = field(default_factory=list)
    """Likewise the share of each task's loss that a step on this task's gradient alone takes off it, to first order."""
    relations: list[float | None] = field(default_factory=list)
    """Likewise the task's row of what a regularizer between tasks says of them, at the checkpoint: Ω of
    ``matrix_normal``, who shares clusters under ``cluster``, cosines of heads under ``graph``; empty without any."""
    curve: list[CurvePoint] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """The trial's events that concern this task (or no task in particular)."""


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """One task of one trial that has ended. A table has the fields of all three as columns of one row."""

    identity: TaskIdentity
    end: TrialEnd
    result: TaskResult


@dataclass(frozen=True, kw_only=True)
class ClassicalRecord:
    """What a classical model reaches on one task. Metrics are in the metric's own unit."""

    setup: str
    content: str
    """Hash of the setup's manifest and tables; ``version``: of the code that computed it."""
    version: str
    task: str
    kind: str
    metric: str
    sign: int
    """+1 where a higher metric is better, else -1."""
    model: str
    """In a few words, e.g. ``gradient boosting``."""
    valid: float
    """The model was chosen by it; ``test``: by nothing."""
    test: float
    trivial_valid: float
    """Of the predictor that knows only the train labels; ``trivial_test`` likewise."""
    trivial_test: float
    cpu_s: float


_PARTS: Mapping[str, type] = hints(TaskRecord)

COLUMNS: Mapping[str, Any] = {name: kind for part in _PARTS.values() for name, kind in hints(part).items()}
"""The type of each column of a record, by name."""

DEFAULTS: Mapping[str, Any] = defaults_of(*_PARTS.values())
"""What a file that lacks a column is read to hold there; columns without one must be there."""

SCHEMA = schema_of(*_PARTS.values())

MATRICES = ("cosines", "affinities", "relations")
"""Columns that hold a row of a matrix of tasks x tasks, or nothing."""

CLASSICAL = schema_of(ClassicalRecord)


def to_row(record: TaskRecord) -> dict[str, Any]:
    """A record as a row of a table of ``SCHEMA``."""
    return {name: value for part in _PARTS for name, value in to_plain(getattr(record, part)).items()}


def from_row(row: Mapping[str, Any]) -> TaskRecord:
    """The inverse of `to_row`; a column that the row lacks holds its default."""
    return TaskRecord(**{name: from_plain(part, row) for name, part in _PARTS.items()})


def to_table(records: Iterable[TaskRecord]) -> pa.Table:
    """Records as an Arrow table of ``SCHEMA``, in the given order."""
    return pa.Table.from_pylist([to_row(record) for record in records], schema=SCHEMA)


def from_table(table: pa.Table) -> list[TaskRecord]:
    """The inverse of ``to_table``."""
    return [from_row(row) for row in table.to_pylist()]


def classical_to_table(records: Iterable[ClassicalRecord]) -> pa.Table:
    """Records of classical models as an Arrow table of ``CLASSICAL``, in the given order."""
    return pa.Table.from_pylist([to_plain(record) for record in records], schema=CLASSICAL)


def classical_from_table(table: pa.Table) -> list[ClassicalRecord]:
    """The inverse of ``classical_to_table``."""
    return [ClassicalRecord(**row) for row in table.to_pylist()]


Part = TypeVar("Part", bound=CurvePoint | Event | TaskResult)


def later(part: Part, *, steps: int, batches: int) -> Part:
    """The same in a trial that had done so many ``steps`` and ``batches`` before it."""

    def moved(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [
                later(item, steps=steps, batches=batches) if isinstance(item, CurvePoint | Event) else item
                for item in value
            ]
        if value is None:
            return None
        if name == "batches":
            return value + batches
        return value + steps if name == "step" or name.endswith("_step") else value

    return replace(part, **{each.name: moved(each.name, getattr(part, each.name)) for each in fields(part)})

"""What a finished trial tells the report: one Parquet file a trial, one row a task; classical models: one file a setup.

These schemas are the only tie between ``sweep`` (which writes them) and ``report`` (which reads them).
Everything but ``wall_s``, ``cpu_s`` and ``relabelled`` is reproducible bit for bit.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Literal

import pyarrow as pa

Stage = Literal["search", "replicate"]
Status = Literal["ok", "failed"]


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One task at one evaluation."""

    step: int
    """Physical step: never goes back, also where the curriculum rewinds."""
    batches: int
    """Task batches that the whole trial has spent so far."""
    valid: float | None
    """Validation metric; None while the task waits."""
    loss: float | None
    """Mean training loss since the last evaluation; None where the task took no batch."""
    weight: float | None
    """Mean weight of the task in the shared gradient since the last evaluation."""
    phase: str
    """``waiting``, ``labels``, ``distilling`` or ``stopped``, after this evaluation."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something the curriculum did: ``start``, ``converge``, ``relabel``, ``rewind``, ``stop`` or ``finish``."""

    step: int
    batches: int
    kind: str
    task: str | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class TaskRecord:
    """One task of one finished trial. Metrics are in the metric's own unit."""

    sweep: str
    """Identity of the sweep: its name and the fingerprint of its search space."""
    setup: str
    strategy: str
    """Display name, unique in a sweep: ``sequential_kd``, ``joint_kd+gradnorm``, …"""
    curriculum: str
    balancer: str
    role: str
    """``baseline``: joint training under some balancer. ``kd``: distils. ``control``: part of the method without the
    rest. ``reference``: one model a task."""
    stage: Stage
    config_index: int
    config: str
    """The resolved configuration as JSON, flat: ``{"training.lr": 0.003, …}``."""
    seed: int
    trial: str
    """Unique in a sweep and safe as a file name."""
    status: Status
    error: str | None
    """What ended a failed trial, with task and step."""
    notes: list[str]
    """Warnings, e.g. a task that the budget never reached."""
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
    valid: float | None
    """At the checkpoint with the best validation score; None in a failed trial. ``test`` likewise."""
    test: float | None
    valid_peak: float | None
    """At the task's own best evaluation; ``test_peak``: on test, by the same parameters."""
    test_peak: float | None
    teacher: float | None
    """Validation metric of the task's teacher; None where the task never converged."""
    retention: float | None
    """``valid / teacher``; None where the task never converged."""
    score: float | None
    """Mean skill over tasks at the checkpoint: the same in every row of a trial."""
    converged_step: int | None
    """The evaluation at which convergence was noticed; ``teacher_step``: the best one before it."""
    teacher_step: int | None
    checkpoint_step: int | None
    steps: int
    """Physical steps of the whole trial; ``batches``: task batches of the whole trial."""
    batches: int
    wall_s: float
    cpu_s: float
    """Of the trial's own process: what shared or pool actors spend on relabelling is not in it."""
    relabelled: str | None = None
    """Where the teacher's predictions were computed, and why there, with the measured costs."""
    curve: list[CurvePoint] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """The trial's events that concern this task (or no task in particular)."""


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


_POINT = pa.struct(
    [
        ("step", pa.int64()),
        ("batches", pa.int64()),
        ("valid", pa.float64()),
        ("loss", pa.float64()),
        ("weight", pa.float64()),
        ("phase", pa.string()),
    ]
)
_EVENT = pa.struct(
    [
        ("step", pa.int64()),
        ("batches", pa.int64()),
        ("kind", pa.string()),
        ("task", pa.string()),
        ("reason", pa.string()),
    ]
)
_ARROW = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    list[str]: pa.list_(pa.string()),
    list[CurvePoint]: pa.list_(_POINT),
    list[Event]: pa.list_(_EVENT),
    str | None: pa.string(),
    int | None: pa.int64(),
    float | None: pa.float64(),
    Stage: pa.string(),
    Status: pa.string(),
}

SCHEMA = pa.schema([pa.field(column.name, _ARROW[column.type]) for column in fields(TaskRecord)])  # type: ignore[index]

CLASSICAL = pa.schema([pa.field(column.name, _ARROW[column.type]) for column in fields(ClassicalRecord)])  # type: ignore[index]


def to_table(records: Iterable[TaskRecord]) -> pa.Table:
    """Records as an Arrow table of ``SCHEMA``, in the given order."""
    return pa.Table.from_pylist([_as_dict(record) for record in records], schema=SCHEMA)


def from_table(table: pa.Table) -> list[TaskRecord]:
    """The inverse of ``to_table``."""
    return [
        TaskRecord(
            **{
                **row,
                "curve": [CurvePoint(**point) for point in row["curve"]],
                "events": [Event(**event) for event in row["events"]],
            }
        )
        for row in table.to_pylist()
    ]


def classical_to_table(records: Iterable[ClassicalRecord]) -> pa.Table:
    """Records of classical models as an Arrow table of ``CLASSICAL``, in the given order."""
    return pa.Table.from_pylist([vars(record) for record in records], schema=CLASSICAL)


def classical_from_table(table: pa.Table) -> list[ClassicalRecord]:
    """The inverse of ``classical_to_table``."""
    return [ClassicalRecord(**row) for row in table.to_pylist()]


def _as_dict(record: TaskRecord) -> dict[str, object]:
    row = dict(vars(record))
    row["curve"] = [vars(point) for point in record.curve]
    row["events"] = [vars(event) for event in record.events]
    return row

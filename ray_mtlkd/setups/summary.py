"""What a reader should know of a setup's tables before training on them."""

from collections.abc import Mapping
from dataclasses import dataclass

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.duplicates import within
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.trivial import label_offsets, trivial_metric
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task at a glance.

    Attributes:
        rows: With a label, of train, valid and test.
        missing: Rows without a label, likewise.
        unlabelled: Rows of its table without labels; None where it has none.
        inputs: Form and columns.
        labels: The distribution of the train labels, in words.
        imbalance: How unequal the train labels are, in words; empty for numbers.
        trivial: The trivial predictor's metric on valid and test.
        duplicates: Rows whose texts stand in another split, by ``duplicates.PAIRS``; None where they are no texts.
    """

    name: str
    kind: str
    metric: str
    rows: tuple[int, int, int]
    missing: tuple[int, int, int]
    unlabelled: int | None
    inputs: str
    labels: tuple[str, ...]
    imbalance: str
    trivial: tuple[float, float]
    duplicates: Mapping[tuple[Split, Split], int] | None


def summarise(validated: ValidatedSetup) -> tuple[TaskSummary, ...]:
    """Every task of a setup at a glance."""
    return tuple(_summarise(task) for task in validated.tasks)


def count_rows(task: ValidatedTask) -> tuple[int, int, int]:
    """Rows of train, valid and test."""
    train, valid, test = (len(task.splits[split].row_ids) for split in SPLITS)
    return train, valid, test


def count_missing(task: ValidatedTask) -> tuple[int, int, int]:
    """Rows without a label, of train, valid and test."""
    train, valid, test = (
        task.splits[split].inputs.num_rows - rows for split, rows in zip(SPLITS, count_rows(task), strict=True)
    )
    return train, valid, test


def _summarise(task: ValidatedTask) -> TaskSummary:
    words = kind_of(task.task).describe(task.task, task.splits["train"].labels, label_offsets(task, "train"))
    return TaskSummary(
        name=task.task.name,
        kind=task.task.kind,
        metric=task.task.metric,
        rows=count_rows(task),
        missing=count_missing(task),
        unlabelled=None if task.unlabelled is None else task.unlabelled.num_rows,
        inputs=_inputs(task),
        labels=words.distribution,
        imbalance=words.balance,
        trivial=(trivial_metric(task, "valid"), trivial_metric(task, "test")),
        duplicates=within(task),
    )


def _inputs(task: ValidatedTask) -> str:
    return " + ".join(_described(task.spec.only(form)) for form in task.spec.forms)


def _described(spec: TaskSpec) -> str:
    """Inputs of one form."""
    if spec.columns is not None:
        return f"{len(spec.columns.numeric)} numeric, {len(spec.columns.categorical)} categorical columns"
    return f"{spec.form}: {', '.join(spec.input_columns)}"

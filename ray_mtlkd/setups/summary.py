"""What a reader should know of a setup's tables before training on them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from ray_mtlkd.setups.baseline import trivial_metric
from ray_mtlkd.setups.raw import RawSetup, RawTask
from ray_mtlkd.tasks.examples import SPLITS, Split

TOP = 5
"""Classes that a distribution names."""


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task at a glance.

    Attributes:
        rows: Of train, valid and test.
        inputs: Form and columns.
        labels: The distribution of the train labels, in words.
        trivial: The trivial predictor's metric on valid and test.
        duplicates: Test rows whose texts stand in train, letter by letter; None where the inputs are no texts.
    """

    name: str
    kind: str
    metric: str
    rows: tuple[int, int, int]
    inputs: str
    labels: tuple[str, ...]
    trivial: tuple[float, float]
    duplicates: int | None


def summarise(raw: RawSetup) -> tuple[TaskSummary, ...]:
    """Every task of a setup at a glance."""
    return tuple(_summarise(task) for task in raw.tasks)


def count_rows(task: RawTask) -> tuple[int, int, int]:
    """Rows of train, valid and test."""
    train, valid, test = (len(task.splits[split].row_ids) for split in SPLITS)
    return train, valid, test


def _summarise(task: RawTask) -> TaskSummary:
    return TaskSummary(
        name=task.task.name,
        kind=task.task.kind,
        metric=task.task.metric,
        rows=count_rows(task),
        inputs=_inputs(task),
        labels=_labels(task),
        trivial=(trivial_metric(task, "valid"), trivial_metric(task, "test")),
        duplicates=_duplicates(task),
    )


def _inputs(task: RawTask) -> str:
    columns = task.spec.columns
    if columns is not None:
        return f"{len(columns.numeric)} numeric, {len(columns.categorical)} categorical columns"
    return f"{task.spec.form}: {', '.join(task.spec.input_columns)}"


def _labels(task: RawTask) -> tuple[str, ...]:
    labels = task.splits["train"].labels
    if task.task.kind == "regression":
        low, first, middle, third, high = np.quantile(labels.astype(np.float64), (0, 0.25, 0.5, 0.75, 1))
        return (
            f"mean {task.task.center:.4g}, standard deviation {task.task.scale:.4g}",
            f"quartiles {low:.4g} | {first:.4g} | {middle:.4g} | {third:.4g} | {high:.4g}",
        )
    if task.task.kind == "multilabel":
        a_row = float(labels.astype(np.float64).sum(axis=1).mean())
        shares = labels.astype(np.float64).mean(axis=0)
        return (_top(task.task.classes, shares), f"{len(shares)} labels, {a_row:.2f} a row")
    counts = np.bincount(labels.astype(np.int64), minlength=len(task.task.classes))
    shares = counts / counts.sum()
    bits, most = float(entropy(shares, base=2)), float(np.log2(len(shares)))
    what = "tags" if task.task.kind == "tagging" else "classes"
    return (_top(task.task.classes, shares), f"{len(shares)} {what}, entropy {bits:.2f} of {most:.2f} bits")


def _top(names: Sequence[str], shares: NDArray[np.float64]) -> str:
    order = np.argsort(-shares, kind="stable")
    shown = ", ".join(f"{names[at]} {100 * float(shares[at]):.1f} %" for at in order[:TOP])
    return f"{shown}, …" if len(order) > TOP else shown


def _duplicates(task: RawTask) -> int | None:
    if task.spec.form not in {"text", "pair", "tokens"}:
        return None
    train = set(_texts(task, "train"))
    counts = Counter(_texts(task, "test"))
    return sum(count for text, count in counts.items() if text in train)


def _texts(task: RawTask, split: Split) -> list[str]:
    columns = [task.splits[split].inputs[name].to_pylist() for name in task.spec.input_columns]
    return [repr(row) for row in zip(*columns, strict=True)]

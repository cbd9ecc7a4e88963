"""What a reader should know of a setup's tables before training on them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import entropy

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.duplicates import within
from ray_mtlkd.setups.trivial import trivial_metric
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask

TOP = 5
"""Classes that a distribution names."""
_WHOLE = 10
"""Ratios from here on need no decimals."""


@dataclass(frozen=True, kw_only=True)
class TaskSummary:
    """One task at a glance.

    Attributes:
        rows: With a label, of train, valid and test.
        missing: Rows without a label, likewise.
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
    inputs: str
    labels: tuple[str, ...]
    imbalance: str
    trivial: tuple[float, float]
    duplicates: Mapping[tuple[Split, Split], int] | None


def summarise(raw: ValidatedSetup) -> tuple[TaskSummary, ...]:
    """Every task of a setup at a glance."""
    return tuple(_summarise(task) for task in raw.tasks)


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
    return TaskSummary(
        name=task.task.name,
        kind=task.task.kind,
        metric=task.task.metric,
        rows=count_rows(task),
        missing=count_missing(task),
        inputs=_inputs(task),
        labels=_labels(task),
        imbalance=_imbalance(task),
        trivial=(trivial_metric(task, "valid"), trivial_metric(task, "test")),
        duplicates=within(task),
    )


def _inputs(task: ValidatedTask) -> str:
    columns = task.spec.columns
    if columns is not None:
        return f"{len(columns.numeric)} numeric, {len(columns.categorical)} categorical columns"
    return f"{task.spec.form}: {', '.join(task.spec.input_columns)}"


def _labels(task: ValidatedTask) -> tuple[str, ...]:
    labels = task.splits["train"].labels
    if task.task.kind == "regression":
        low, first, middle, third, high = np.quantile(labels.astype(np.float64), (0, 0.25, 0.5, 0.75, 1))
        return (
            f"mean {task.task.center:.4g}, standard deviation {task.task.scale:.4g}",
            f"quartiles {low:.4g} | {first:.4g} | {middle:.4g} | {third:.4g} | {high:.4g}",
        )
    shares = _shares(task)
    if task.task.kind == "multilabel":
        a_row = float(labels.sum(axis=1, dtype=np.float64).mean())
        return (_top(task.task.classes, shares), f"{len(shares)} labels, {a_row:.2f} a row")
    bits, most = float(entropy(shares, base=2)), float(np.log2(len(shares)))
    what = "tags" if task.task.kind == "tagging" else "classes"
    return (_top(task.task.classes, shares), f"{len(shares)} {what}, entropy {bits:.2f} of {most:.2f} bits")


def _shares(task: ValidatedTask) -> NDArray[np.float64]:
    """Share of train rows (of tokens, for tagging) that have each class or label [K]."""
    labels = task.splits["train"].labels
    if task.task.kind == "multilabel":
        return np.asarray(labels.mean(axis=0, dtype=np.float64))
    counts = np.bincount(labels.astype(np.int64), minlength=len(task.task.classes))
    return np.asarray(counts / counts.sum())


def _imbalance(task: ValidatedTask) -> str:
    if task.task.kind == "regression":
        return ""
    shares = _shares(task)
    present = shares[shares > 0]
    ratio = float(present.max() / present.min())
    said = f"most : least frequent {ratio:,.{0 if ratio >= _WHOLE else 1}f} : 1"
    if task.task.kind == "multilabel":
        return said
    # Hill's number of order 1: as many equally frequent classes would have the same entropy
    what = "tags" if task.task.kind == "tagging" else "classes"
    return f"{said}, effectively {float(np.exp(entropy(present))):.1f} {what}"


def _top(names: Sequence[str], shares: NDArray[np.float64]) -> str:
    order = np.argsort(-shares, kind="stable")
    shown = ", ".join(f"{names[at]} {100 * float(shares[at]):.1f} %" for at in order[:TOP])
    return f"{shown}, …" if len(order) > TOP else shown

"""What the metrics compute, one function a metric and sort of label; undefined cases are defined here.

Some take raw outputs, others what outputs say in the terms of the labels: `decided` makes the latter a `Measure`.
"""

from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.imports import Later
from ray_mtlkd.tasks.kinds.base import Floats, Labels, Measure, Offsets, Prediction
from ray_mtlkd.tasks.task import Task

# Each takes longer to import than Ray: trials by accuracy need none of them.
sk = Later("sklearn.metrics")
stats = Later("scipy.stats")
seqeval = Later("seqeval.metrics")

_UNSEEN_TAG = "I-(unseen in train)"


class Decision(Protocol):
    """A metric that compares predictions with labels of the same sort."""

    def __call__(self, task: Task, predicted: NDArray[Any], labels: Labels, offsets: Offsets, /) -> float:
        """The metric's value."""


def decided(predict: Prediction, measure: Decision) -> Measure:
    """The measure of what outputs say."""

    def of_outputs(task: Task, outputs: Floats, labels: Labels, offsets: Offsets) -> float:
        return measure(task, predict(task, outputs), labels, offsets)

    return of_outputs


# The next five are scikit-learn's, bit for bit, without its checks, which take longer than the rows of most tables.


def accuracy(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Share of rows whose class is right."""
    return float(np.mean(labels == predicted))


def f1(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """F1 of the positive class; 1 where no row is positive and none is predicted."""
    return _f1(predicted != 0, labels != 0)


def micro_f1(task: Task, predicted: NDArray[Any], labels: Labels, offsets: Offsets) -> float:
    """F1 of all decisions together; equals accuracy for a multiclass task."""
    if labels.ndim == 1:
        return accuracy(task, predicted, labels, offsets)
    return _f1(_widen(predicted, labels, fill=0) != 0, labels != 0)


def rmse(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Root mean squared error, in the label's unit."""
    return float(np.sqrt(np.mean((labels - predicted)[:, None] ** 2, axis=0)).item())


def mae(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Mean absolute error, in the label's unit."""
    return float(np.mean(np.abs(predicted - labels)[:, None], axis=0).item())


def macro_f1_of_classes(task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Mean F1 over the classes seen in train, leaving out those that neither occur nor are predicted.

    A row of an unseen class is a false positive of the predicted class.
    """
    codes = range(task.outputs)
    return float(
        sk.f1_score(labels, predicted, labels=codes, average="macro", zero_division=np.nan),
    )


def macro_f1_of_labels(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Mean F1 over the labels that occur or are predicted; that of a label unseen in train is 0."""
    truth, predicted = labels.astype(np.int64), _widen(predicted, labels, fill=0)
    value = sk.f1_score(truth, predicted, average="macro", zero_division=np.nan)
    return 1.0 if np.isnan(value) else float(value)


def average_precision(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Average precision of the positive class; 0 where no row is positive."""
    return float(sk.average_precision_score(labels, outputs)) if labels.any() else 0.0


def mean_average_precision(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Mean average precision over the labels that have a positive row; 0 where none has.

    A label unseen in train ranks all rows alike: its average precision is its prevalence.
    """
    occur = labels.any(axis=0)
    if not occur.any():
        return 0.0
    scores = _widen(outputs, labels, fill=0)
    return float(sk.average_precision_score(labels[:, occur], scores[:, occur], average="macro"))


def auc(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Area under the ROC curve; .5 where all rows have the same label."""
    return float(sk.roc_auc_score(labels, outputs)) if 0 < labels.mean() < 1 else 0.5


def mean_auc(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Mean AUC over the labels that have positive and negative rows; .5 where none has, and for unseen labels."""
    defined = labels.any(axis=0) & ~labels.all(axis=0)
    if not defined.any():
        return 0.5
    scores = _widen(outputs, labels, fill=0)
    return float(sk.roc_auc_score(labels[:, defined], scores[:, defined], average="macro"))


def pearson(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Linear correlation; 0 where predictions or labels are constant."""
    if np.ptp(outputs) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(stats.pearsonr(outputs.astype(np.float64), labels.astype(np.float64)).statistic)


def spearman(_task: Task, outputs: Floats, labels: Labels, _: Offsets) -> float:
    """Rank correlation; 0 where predictions or labels are constant."""
    if np.ptp(outputs) == 0 or np.ptp(labels) == 0:
        return 0.0
    return float(stats.spearmanr(outputs, labels).statistic)


def r2(_task: Task, predicted: NDArray[Any], labels: Labels, _: Offsets) -> float:
    """Share of the labels' variance that is explained; for constant labels 1 where all are met, else 0."""
    if np.ptp(labels) == 0:
        return float(np.array_equal(labels, predicted))
    return float(sk.r2_score(labels, predicted))


def span_f1(task: Task, predicted: NDArray[Any], labels: Labels, offsets: Offsets) -> float:
    """Micro F1 of exact spans (type, first and last token), as conlleval counts them; 1 where there are none at all.

    Neighbouring tags unseen in train are one span that no prediction can match.
    """
    if offsets is None:
        raise ValueError("tagging needs offsets")
    tags = np.array([*task.classes, _UNSEEN_TAG], dtype=object)
    is_span = np.array([tag != "O" for tag in tags])
    if not (is_span[labels].any() or is_span[predicted].any()):
        return 1.0
    return float(seqeval.f1_score(_rows(tags[labels], offsets), _rows(tags[predicted], offsets), zero_division=0))


def _f1(predicted: NDArray[np.bool_], labels: NDArray[np.bool_]) -> float:
    """F1 of all decisions; 1 where there is nothing to be found and nothing was."""
    counted = np.count_nonzero(predicted) + np.count_nonzero(labels)
    return 2 * np.count_nonzero(predicted & labels) / counted if counted else 1.0


def _rows(tags: NDArray[np.object_], offsets: NDArray[np.int64]) -> list[list[str]]:
    flat, ends = tags.tolist(), offsets.tolist()
    return [flat[start:end] for start, end in pairwise(ends)]


def _widen(array: NDArray[Any], labels: Labels, *, fill: float) -> NDArray[Any]:
    """Add a constant column for every label unseen in train; leave codes [N] as they are."""
    missing = labels.shape[1] - array.shape[1] if labels.ndim > 1 else 0
    return np.pad(array, ((0, 0), (0, missing)), constant_values=fill) if missing else array

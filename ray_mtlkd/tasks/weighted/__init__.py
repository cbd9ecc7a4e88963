"""Every metric of this package where rows count several times: for resamples of a table, and without PyTorch.

A resample's value is that of the metric itself on a table in which rows are repeated (the tests compare the two), for
hundreds of resamples at once. What the metrics are is said where they are: `ray_mtlkd.tasks.metrics`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.tasks import orders
from ray_mtlkd.tasks.weighted import decisions, numbers, scores
from ray_mtlkd.tasks.weighted.base import Numbers, WeightedMetric, Weights

__all__ = ["WeightedMetric", "Weights", "by_group", "decided", "units", "weighted_metric"]


def units(part: PredictedRows) -> int:
    """How many rows, texts or groups a table has: what is drawn, and what has a weight."""
    return len(part.labels) if part.offsets is None else len(part.offsets) - 1


def weighted_metric(part: PredictedRows) -> WeightedMetric | None:
    """The metric of a task's predictions, by the weights of their `units`; None where it is not of this package."""
    if part.kind == "ranking":
        values = by_group(part)
        return None if values is None else scores.mean_over_groups(values)
    make = _METRICS.get((part.kind, part.metric))
    return None if make is None else make(part)


def by_group(part: PredictedRows) -> Numbers | None:
    """What a ranking's metric is the mean of: a number a group, NaN where none is relevant; None for a foreign one."""
    name, _, rank = part.metric.partition("@")
    if rank:
        measure = orders.AT_RANK[name](int(rank)) if name in orders.AT_RANK else None
    else:
        measure = orders.BY_GROUP.get(name)
    return None if measure is None else measure(_outputs(part), part.labels, _known(part.offsets))


def decided(part: PredictedRows) -> NDArray[np.int64] | NDArray[np.bool_] | Numbers:
    """What is predicted, in the terms of the labels: codes, yes or no, or numbers in the label's unit.

    Raises:
        ValueError: where the kind is not of this package, and its classes do not exclude each other.
    """
    if part.likeliest is not None:
        return part.likeliest[:, 0].astype(np.int64)
    if part.kind in {"binary", "multilabel"}:
        chosen: NDArray[np.bool_] = expit(_outputs(part)) >= part.threshold
        return chosen
    if part.kind == "regression":
        return _outputs(part).astype(np.float64) * part.scale + part.center
    raise ValueError(f"nothing is decided by the outputs of a {part.kind} task")


def _outputs(part: PredictedRows) -> NDArray[np.float32]:
    if part.outputs is None:
        raise ValueError(f"no outputs are kept of a {part.kind} task")
    return part.outputs


def _known(offsets: NDArray[np.int64] | None) -> NDArray[np.int64]:
    if offsets is None:
        raise ValueError("texts of tokens, and groups, need offsets")
    return offsets


def _matrix(part: PredictedRows, values: NDArray[Any]) -> NDArray[Any]:
    """A column a label, those unseen in train included, for which nothing is said."""
    found = values.reshape(len(values), -1)
    missing = part.labels.shape[1] - found.shape[1] if part.labels.ndim > 1 else 0
    return np.pad(found, ((0, 0), (0, missing)))


def _true(part: PredictedRows) -> NDArray[np.bool_]:
    return part.labels.reshape(len(part.labels), -1) > 0


def _accuracy(part: PredictedRows) -> WeightedMetric:
    return decisions.accuracy(decided(part), part.labels)


def _f1(part: PredictedRows) -> WeightedMetric:
    return decisions.f1(_matrix(part, decided(part)), _true(part))


def _mean_f1_of_classes(part: PredictedRows) -> WeightedMetric:
    return decisions.mean_f1_of_classes(decided(part).astype(np.int64), _codes(part), len(part.classes))


def _mean_f1_of_labels(part: PredictedRows) -> WeightedMetric:
    return decisions.mean_f1_of_labels(_matrix(part, decided(part)), _true(part))


def _spans(part: PredictedRows) -> WeightedMetric:
    said = decided(part).astype(np.int64)
    return decisions.f1_of_counts(decisions.span_counts(said, _codes(part), _known(part.offsets), part.classes))


def _codes(part: PredictedRows) -> NDArray[np.int64]:
    return part.labels.astype(np.int64)


def _scored(
    make: Callable[[scores.Scores, scores.Scores], WeightedMetric],
) -> Callable[[PredictedRows], WeightedMetric]:
    return lambda part: make(_matrix(part, _outputs(part)), part.labels.reshape(len(part.labels), -1))


def _number(make: Callable[[Numbers, Numbers], WeightedMetric]) -> Callable[[PredictedRows], WeightedMetric]:
    return lambda part: make(decided(part).astype(np.float64), part.labels.astype(np.float64))


def _correlated(make: Callable[[Numbers, Numbers], WeightedMetric]) -> Callable[[PredictedRows], WeightedMetric]:
    return lambda part: make(_outputs(part).astype(np.float64), part.labels.astype(np.float64))


_METRICS: Mapping[tuple[str, str], Callable[[PredictedRows], WeightedMetric]] = {
    ("binary", "accuracy"): _accuracy,
    ("binary", "f1"): _f1,
    ("binary", "average_precision"): _scored(scores.average_precision),
    ("binary", "auc"): _scored(scores.auc),
    ("multiclass", "accuracy"): _accuracy,
    ("multiclass", "macro_f1"): _mean_f1_of_classes,
    ("multiclass", "micro_f1"): _accuracy,
    ("multilabel", "macro_f1"): _mean_f1_of_labels,
    ("multilabel", "micro_f1"): _f1,
    ("multilabel", "average_precision"): _scored(scores.average_precision),
    ("multilabel", "auc"): _scored(scores.auc),
    ("regression", "pearson"): _correlated(numbers.pearson),
    ("regression", "spearman"): _correlated(numbers.spearman),
    ("regression", "rmse"): _number(numbers.rmse),
    ("regression", "mae"): _number(numbers.mae),
    ("regression", "r2"): _number(numbers.r2),
    ("tagging", "span_f1"): _spans,
}
"""By kind and metric, rankings left out."""

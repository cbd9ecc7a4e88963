"""Metrics of numbers: correlations and errors."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.weighted.base import Numbers, WeightedMetric, Weights, gathered, ratio

_FLAT = 1e-12
"""Of the whole table's variance: below that, a resample's is rounding."""


def pearson(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """Linear correlation; 0 where predictions or labels are constant."""
    x, y = predicted - predicted.mean(), labels - labels.mean()
    moments = np.stack([x, y, x * x, y * y, x * y])

    def measure(weights: Weights) -> Numbers:
        return _correlation(moments @ weights / weights.sum(axis=0), whole=(x.var(), y.var()))

    return measure


def spearman(predicted: NDArray[np.floating], labels: NDArray[np.floating]) -> WeightedMetric:
    """Linear correlation of ranks, ties in their middle; 0 where predictions or labels are constant."""
    ranked = [_ties(values) for values in (predicted, labels)]

    def measure(weights: Weights) -> Numbers:
        total = weights.sum(axis=0)
        x, y = (_middle_ranks(ties, weights) / total for ties in ranked)
        moments = np.stack([(weights * each).sum(axis=0) for each in (x, y, x * x, y * y, x * y)]) / total
        return _correlation(moments, whole=(1.0, 1.0))

    return measure


def rmse(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """Root mean squared error, in the label's unit."""
    squared = (predicted - labels) ** 2

    def measure(weights: Weights) -> Numbers:
        found: Numbers = np.sqrt(squared @ weights / weights.sum(axis=0))
        return found

    return measure


def mae(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """Mean absolute error, in the label's unit."""
    absolute = np.abs(predicted - labels)

    def measure(weights: Weights) -> Numbers:
        found: Numbers = absolute @ weights / weights.sum(axis=0)
        return found

    return measure


def r2(predicted: Numbers, labels: Numbers) -> WeightedMetric:
    """Share of the labels' variance that is explained; for constant labels 1 where all are met, else 0."""
    y = labels - labels.mean()
    moments = np.stack([(predicted - labels) ** 2, y, y * y])

    def measure(weights: Weights) -> Numbers:
        error, mean, square = moments @ weights / weights.sum(axis=0)
        variance = square - mean**2
        flat = variance <= _FLAT * y.var()
        return np.where(flat, (error == 0).astype(float), 1 - ratio(error, np.where(flat, 0, variance), otherwise=0.0))

    return measure


def _correlation(moments: Numbers, *, whole: tuple[float, float]) -> Numbers:
    """Of the means of x, y, x², y² and xy in each resample [5, B]; ``whole``: variances of x and y in the table."""
    x, y, xx, yy, xy = moments
    spread = [np.maximum(square - mean**2, 0) for square, mean in ((xx, x), (yy, y))]
    known = [np.where(each > _FLAT * most, each, 0) for each, most in zip(spread, whole, strict=True)]
    return ratio(xy - x * y, np.sqrt(known[0] * known[1]), otherwise=0.0)


def _ties(values: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in ascending order of their values [N], and the number of each row's value among these [N]."""
    _, number = np.unique(values, return_inverse=True)
    return np.argsort(number, kind="stable"), number


def _middle_ranks(ties: tuple[NDArray[np.int64], NDArray[np.int64]], weights: Weights) -> Numbers:
    """Of each row in each resample [N, B], from the middle of its table."""
    order, number = ties
    count = int(number.max()) + 1
    a_tie = gathered(number[order], order, count=count, rows=len(order)) @ weights
    middle = np.cumsum(a_tie, axis=0) - a_tie / 2 - weights.sum(axis=0) / 2
    found: Numbers = middle[number]
    return found

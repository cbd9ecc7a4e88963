"""Metrics of numbers: correlations and errors."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.weighted.base import Gathering, Numbers, WeightedMetric, Weights, ratio

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
    ranked = _Ranks(predicted), _Ranks(labels)

    def measure(weights: Weights) -> Numbers:
        (x, xx), (y, yy) = (ranks(weights) for ranks in ranked)
        x *= weights
        return ratio(np.einsum("nb,nb->b", x, y), np.sqrt(xx * yy), otherwise=0.0)

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


class _Ranks:
    """Where rows stand in the order of their values.

    Args:
        values: One a row [N].
    """

    def __init__(self, values: NDArray[np.floating]) -> None:
        _, self._tie = np.unique(values, return_inverse=True)
        rows = len(values)
        self._ties = Gathering(self._tie, np.arange(rows), count=int(self._tie.max()) + 1, rows=rows)

    def __call__(self, weights: Weights) -> tuple[Numbers, Numbers]:
        """Rank of each row in each resample, from the mean rank [N, B]; the sum of squares over its table [B].

        Ties have the rank of their middle.
        """
        tied = self._ties(weights)
        middle = np.cumsum(tied, axis=0)
        middle -= tied / 2 + weights.sum(axis=0) / 2
        return middle[self._tie], np.einsum("nb,nb,nb->b", tied, middle, middle)

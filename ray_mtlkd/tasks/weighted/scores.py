"""Metrics of scores: how well positive rows stand above the others, and candidates in the order of their groups."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ray_mtlkd.tasks.weighted.base import Numbers, WeightedMetric, Weights, gathered, mean_of_known, ratio

Scores = NDArray[np.floating]


def average_precision(scores: Scores, labels: Scores) -> WeightedMetric:
    """Mean over labels [N, K] with a positive row of their average precision; 0 where there is none."""
    tables = [_steps(*column) for column in zip(scores.T, labels.T, strict=True)]

    def measure(weights: Weights) -> Numbers:
        return mean_of_known(np.stack([_precision(*steps, weights) for steps in tables]), otherwise=0.0)

    return measure


def auc(scores: Scores, labels: Scores) -> WeightedMetric:
    """Mean over labels [N, K] with positive and other rows of the area under their ROC curve; .5 where none has."""
    tables = [_steps(*column) for column in zip(scores.T, labels.T, strict=True)]

    def measure(weights: Weights) -> Numbers:
        return mean_of_known(np.stack([_area(*steps, weights) for steps in tables]), otherwise=0.5)

    return measure


def mean_over_groups(by_group: Numbers) -> WeightedMetric:
    """Mean of one number a group [G] over the groups that have one; 0 where none has."""
    known = ~np.isnan(by_group)
    values = np.where(known, by_group, 0.0)

    def measure(weights: Weights) -> Numbers:
        return ratio(values @ weights, known.astype(np.float64) @ weights, otherwise=0.0)

    return measure


def _steps(scores: Scores, labels: Scores) -> tuple[csr_array, csr_array]:
    """Matrices that count positive rows, and all rows, of each step down the scores [S, N].

    A step is the rows of one score, or all rows between two scores that have a positive row: within them, neither an
    area nor a precision is read.
    """
    order = np.argsort(-scores, kind="stable")
    positive = labels[order] > 0
    new = np.concatenate([[True], np.diff(scores[order]) != 0])
    tie = np.cumsum(new) - 1
    has = np.bincount(tie, weights=positive) > 0
    begins = np.concatenate([[True], has[1:] | has[:-1]])
    step = (np.cumsum(begins) - 1)[tie]
    shape = {"count": int(step[-1]) + 1, "rows": len(scores)}
    return gathered(step[positive], order[positive], **shape), gathered(step, order, **shape)


def _precision(positive: csr_array, every: csr_array, weights: Weights) -> Numbers:
    hits, seen = positive @ weights, np.cumsum(every @ weights, axis=0)
    total = hits.sum(axis=0)
    return ratio((hits * ratio(np.cumsum(hits, axis=0), seen, otherwise=0.0)).sum(axis=0), total, otherwise=np.nan)


def _area(positive: csr_array, every: csr_array, weights: Weights) -> Numbers:
    hits = positive @ weights
    others = every @ weights - hits
    total = others.sum(axis=0)
    below = total - np.cumsum(others, axis=0) + others / 2
    return ratio((hits * below).sum(axis=0), hits.sum(axis=0) * total, otherwise=np.nan)

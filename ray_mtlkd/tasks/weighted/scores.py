"""Metrics of scores: how well positive rows stand above the others, and candidates in the order of their groups."""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.weighted.base import Gathering, Numbers, WeightedMetric, Weights, mean_of_known, ratio

Scores = NDArray[np.floating]


def average_precision(scores: Scores, labels: Scores) -> WeightedMetric:
    """Mean over labels [N, K] with a positive row of their average precision; 0 where there is none."""
    ladders = [_Steps(*column) for column in zip(scores.T, labels.T > 0, strict=True)]

    def measure(weights: Weights) -> Numbers:
        return mean_of_known(np.stack([ladder.precision(weights) for ladder in ladders]), otherwise=0.0)

    return measure


def auc(scores: Scores, labels: Scores) -> WeightedMetric:
    """Mean over labels [N, K] with positive and other rows of the area under their ROC curve; .5 where none has."""
    ladders = [_fewer_steps(*column) for column in zip(scores.T, labels.T > 0, strict=True)]

    def measure(weights: Weights) -> Numbers:
        return mean_of_known(np.stack([ladder.area(weights) for ladder in ladders]), otherwise=0.5)

    return measure


def mean_over_groups(by_group: Numbers) -> WeightedMetric:
    """Mean of one number a group [G] over the groups that have one; 0 where none has."""
    known = ~np.isnan(by_group)
    values = np.where(known, by_group, 0.0)

    def measure(weights: Weights) -> Numbers:
        return ratio(values @ weights, known.astype(np.float64) @ weights, otherwise=0.0)

    return measure


class _Steps:
    """Rows down their scores, a step for each score of a positive row: from below the step before to that score.

    Args:
        scores: [N].
        positive: [N].
    """

    def __init__(self, scores: Scores, positive: NDArray[np.bool_]) -> None:
        order = np.argsort(-scores, kind="stable")
        hit = positive[order]
        tie = np.cumsum(np.concatenate([[False], np.diff(scores[order]) != 0]))
        has = np.bincount(tie, weights=hit) > 0
        step: NDArray[np.int64] = (np.cumsum(has) - has)[tie]  # the last one has no positive row
        tied = has[tie] & ~hit
        shape = {"count": int(has.sum()) + 1, "rows": len(scores)}
        self._hits = Gathering(step[hit], order[hit], **shape)
        self._every = Gathering(step, order, **shape)
        self._tied = Gathering(step[tied], order[tied], **shape) if tied.any() else None

    def precision(self, weights: Weights) -> Numbers:
        """Average precision in each resample [B]; NaN where no row is positive."""
        hits, seen = self._hits(weights), self._every(weights)
        np.cumsum(seen, axis=0, out=seen)
        down = np.cumsum(hits, axis=0)
        total = down[-1].copy()
        down *= hits
        down /= np.maximum(seen, 1, out=seen)
        return ratio(down.sum(axis=0), total, otherwise=np.nan)

    def area(self, weights: Weights) -> Numbers:
        """Area under the ROC curve in each resample [B]; NaN where all rows are alike."""
        hits, others = self._hits(weights), self._every(weights)
        others -= hits
        above = np.cumsum(others, axis=0)
        total = above[-1].copy()
        if self._tied is not None:
            above -= self._tied(weights) / 2
        lost = np.einsum("sb,sb->b", hits, above)
        pairs = hits.sum(axis=0) * total
        return ratio(pairs - lost, pairs, otherwise=np.nan)


def _fewer_steps(scores: Scores, positive: NDArray[np.bool_]) -> _Steps:
    """A ladder of the same area: the other rows, upside down, where they are fewer."""
    return _Steps(-scores, ~positive) if positive.mean() > 0.5 else _Steps(scores, positive)  # noqa: PLR2004 - half

"""How well scores order the rows of each group: mean average precision, reciprocal rank and discounted gain.

Every one is a mean over the groups that have a relevant row (of a label above 0); the others have no order that is
better than another, and are left out. Where no group has one, the value is 0. Rows of equal score are tied:

    map      as scikit-learn's `average_precision_score` of each group: a row counts at the end of its tie
    mrr      the expectation over all orders of the tied rows
    ndcg@k   likewise, as scikit-learn's `ndcg_score`: gains are the labels, the discount of rank i is 1 / log2(i + 1)

All groups at once: a library's call for each would take longer than to train on them (scikit-learn's numbers are in
the tests).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.tasks.kinds.base import Floats, Labels, Measure, Offsets
from ray_mtlkd.tasks.task import Task

_Numbers = NDArray[np.float64]
_Places = NDArray[np.int64]


@dataclass(frozen=True)
class _Ties:
    """Rows of one group with one score, B such sets: group by group, the highest scores first.

    Attributes:
        group: Which group [B].
        above: Rows of the group with a higher score [B].
        rows: [B].
        relevant: Those with a label above 0 [B].
        gain: Sum of their labels [B].
        groups: Number of groups G.
    """

    group: _Places
    above: _Places
    rows: _Places
    relevant: _Places
    gain: _Numbers
    groups: int

    @property
    def found(self) -> _Places:
        """Relevant rows of each group [G]."""
        return np.bincount(self.group, weights=self.relevant, minlength=self.groups).astype(np.int64)

    def sums(self, values: _Numbers) -> _Numbers:
        """Sum of one value a tie [B] over each group [G]."""
        return np.bincount(self.group, weights=values, minlength=self.groups).astype(np.float64)


def mean_average_precision(_task: Task, outputs: Floats, labels: Labels, groups: Offsets) -> float:
    """Mean over groups of the average precision of their relevant rows."""
    ties = _ties(outputs, labels, groups)
    found = ties.found
    before = np.cumsum(found) - found
    precision = (np.cumsum(ties.relevant) - before[ties.group]) / (ties.above + ties.rows)
    return _mean(ties.sums(ties.relevant * precision), found)


def mean_reciprocal_rank(_task: Task, outputs: Floats, labels: Labels, groups: Offsets) -> float:
    """Mean over groups of one over the rank of the first relevant row."""
    ties = _ties(outputs, labels, groups)
    hits = np.flatnonzero(ties.relevant)
    found, first = np.unique(ties.group[hits], return_index=True)
    at = hits[first]
    sets, which = np.unique(np.stack([ties.above[at], ties.rows[at], ties.relevant[at]]), axis=1, return_inverse=True)
    expected = np.array([_reciprocal_rank(*map(int, each)) for each in sets.T])
    return float(expected[which.ravel()].mean()) if len(found) else 0.0


def discounted_gain(k: int | None) -> Measure:
    """Mean over groups of the discounted gain of the first k ranks (None: all), over the largest that there can be."""

    def measure(_task: Task, outputs: Floats, labels: Labels, groups: Offsets) -> float:
        ties, best = _ties(outputs, labels, groups), _ties(labels, labels, groups)
        return _mean(_gains(ties, k), _gains(best, k))

    return measure


def _gains(ties: _Ties, k: int | None) -> _Numbers:
    """Discounted gain of each group [G]."""
    discounts = 1 / np.log2(np.arange(2, 2 + int((ties.above + ties.rows).max())))
    if k is not None:
        discounts[k:] = 0
    until = np.concatenate([[0], np.cumsum(discounts)])
    return ties.sums(ties.gain / ties.rows * (until[ties.above + ties.rows] - until[ties.above]))


def _reciprocal_rank(above: int, rows: int, relevant: int) -> float:
    """Expectation of one over the rank of the first relevant of tied rows, below ``above`` others."""
    left = rows - np.arange(rows - relevant + 1)
    hit = relevant / left
    missed = np.concatenate([[1.0], np.cumprod(1 - hit)[:-1]])
    return float((missed * hit / (above + 1 + rows - left)).sum())


def _mean(values: _Numbers, whole: _Numbers | _Places) -> float:
    """Mean of ``values / whole`` over the groups of which the whole is above 0."""
    there = whole > 0
    return float((values[there] / whole[there]).mean()) if there.any() else 0.0


def _ties(scores: NDArray[np.floating], labels: Labels, groups: Offsets) -> _Ties:
    if groups is None:
        raise ValueError("a ranking needs groups")
    sizes = np.diff(groups)
    of_row = np.repeat(np.arange(len(sizes)), sizes)
    order = np.lexsort((-scores, of_row))
    ordered = scores[order]
    begins = np.flatnonzero(np.concatenate([[True], (np.diff(ordered) != 0) | (np.diff(of_row) != 0)]))
    gains = labels[order].astype(np.float64)
    group = of_row[begins]
    return _Ties(
        group=group,
        above=begins - groups[group],
        rows=np.diff(np.append(begins, len(ordered))),
        relevant=np.add.reduceat((gains > 0).astype(np.int64), begins),
        gain=np.add.reduceat(gains, begins),
        groups=len(sizes),
    )


AT_RANK: dict[str, Callable[[int], Measure]] = {"ndcg": discounted_gain}
"""Those that look at the first ranks of a group, called ``NAME@K``."""

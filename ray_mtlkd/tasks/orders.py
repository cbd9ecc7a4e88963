"""How well scores order the rows of each group: average precision, reciprocal rank and discounted gain.

A metric is their mean over the groups that have a relevant row (of a label above 0); the others have no order that is
better than another, and are left out. Where no group has one, it is 0. Rows of equal score are tied:

    map      as scikit-learn's `average_precision_score` of each group: a row counts at the end of its tie
    mrr      the expectation over all orders of the tied rows
    ndcg@k   likewise, as scikit-learn's `ndcg_score`: gains are the labels, the discount of rank i is 1 / log2(i + 1)

All groups at once: a library's call for each would take longer than to train on them (scikit-learn's numbers are in
the tests).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_Numbers = NDArray[np.float64]
_Places = NDArray[np.int64]
_Scores = NDArray[np.floating]

ByGroup = Callable[[_Scores, _Scores, _Places], _Numbers]
"""Of scores [N], labels [N] and where each group begins [G+1]: one number a group [G], NaN where none is relevant."""


def mean(by_group: _Numbers) -> float:
    """Over the groups that have a number; 0 where none has."""
    known = by_group[~np.isnan(by_group)]
    return float(known.mean()) if len(known) else 0.0


def average_precisions(scores: _Scores, labels: _Scores, groups: _Places) -> _Numbers:
    """Mean over a group's relevant rows of the share of relevant ones down to there."""
    ties = _ties(scores, labels, groups)
    found = ties.found
    before = np.cumsum(found) - found
    precision = (np.cumsum(ties.relevant) - before[ties.group]) / (ties.above + ties.rows)
    return _share(ties.sums(ties.relevant * precision), found)


def reciprocal_ranks(scores: _Scores, labels: _Scores, groups: _Places) -> _Numbers:
    """One over the rank of the first relevant row."""
    ties = _ties(scores, labels, groups)
    hits = np.flatnonzero(ties.relevant)
    found, first = np.unique(ties.group[hits], return_index=True)
    at = hits[first]
    sets, which = np.unique(np.stack([ties.above[at], ties.rows[at], ties.relevant[at]]), axis=1, return_inverse=True)
    expected = np.array([_reciprocal_rank(*map(int, each)) for each in sets.T])
    values = np.full(ties.groups, np.nan)
    values[found] = expected[which.ravel()]
    return values


def discounted_gains(k: int | None) -> ByGroup:
    """Discounted gain of the first k ranks (None: all), over the largest that there can be."""

    def measure(scores: _Scores, labels: _Scores, groups: _Places) -> _Numbers:
        ties, best = _ties(scores, labels, groups), _ties(labels, labels, groups)
        return _share(_gains(ties, k), _gains(best, k))

    return measure


BY_GROUP: Mapping[str, ByGroup] = {
    "map": average_precisions,
    "mrr": reciprocal_ranks,
    "ndcg": discounted_gains(None),
}
"""By the name of the metric that is their mean."""

AT_RANK: Mapping[str, Callable[[int], ByGroup]] = {"ndcg": discounted_gains}
"""Those that look at the first ranks of a group, called ``NAME@K``."""


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


def _share(values: _Numbers, whole: _Numbers | _Places) -> _Numbers:
    """``values / whole`` of the groups of which the whole is above 0, NaN of the others."""
    found = np.full(len(values), np.nan)
    np.divide(values, whole, out=found, where=whole > 0)
    return found


def _ties(scores: NDArray[np.floating], labels: NDArray[np.floating], groups: NDArray[np.int64]) -> _Ties:
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

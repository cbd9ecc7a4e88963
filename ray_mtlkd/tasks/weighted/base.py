"""What a metric is where rows count several times, for many ways of counting at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Numbers = NDArray[np.float64]
Weights = NDArray[np.float32]
"""How often each row (text of tokens, group) counts in each of B resamples [N, B], every column with a row in it.

Single precision: half the memory traffic, which is what resampling costs; counts and their sums are exact in it.
"""

WeightedMetric = Callable[[Weights], Numbers]
"""A metric's value in each resample [B], finite: what it is of a table in which rows are repeated so often."""


class Gathering:
    """Adds up the weights of each group's members.

    Args:
        groups: Number of each member's group [M].
        members: Rows [M]; a row may be in several groups.
        count: Of groups.
        rows: Of all, members or not.
    """

    def __init__(self, groups: NDArray[np.int64], members: NDArray[np.int64], *, count: int, rows: int) -> None:
        order = np.argsort(groups, kind="stable")
        ends = np.searchsorted(groups[order], np.arange(count + 1))
        self._matrix = csr_array((np.ones(len(members), np.float32), members[order], ends), shape=(count, rows))

    def __call__(self, weights: Weights) -> Numbers:
        """The sums [count, B]."""
        found: Numbers = (self._matrix @ weights).astype(np.float64)
        return found


def ones(values: NDArray[np.bool_]) -> Gathering:
    """Adds up the weights of the rows at which each column [N, C] is true."""
    rows, columns = values.nonzero()
    return Gathering(columns, rows, count=values.shape[1], rows=values.shape[0])


def ratio(over: Numbers, under: Numbers, *, otherwise: float) -> Numbers:
    """``over / under``, and ``otherwise`` where that is a division by zero."""
    found = np.full(np.broadcast_shapes(over.shape, under.shape), otherwise)
    np.divide(over, under, out=found, where=under > 0)
    return found


def mean_of_known(values: Numbers, *, otherwise: float) -> Numbers:
    """Mean of each column [C, B] over what is no NaN: [B]."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64), otherwise=otherwise)

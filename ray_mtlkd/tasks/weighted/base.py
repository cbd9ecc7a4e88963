"""What a metric is where rows count several times, for many ways of counting at once."""

from collections.abc import Callable

import numpy as np
import scipy.sparse
from numpy.typing import ArrayLike, NDArray

Numbers = NDArray[np.float64]
Weights = Numbers
"""How often each row (text of tokens, group) counts in each of B resamples [N, B], every column with a row in it."""

WeightedMetric = Callable[[Weights], Numbers]
"""A metric's value in each resample [B], finite: what it is of a table in which rows are repeated so often."""


def sums(values: ArrayLike, weights: Weights) -> Numbers:
    """Weighted sums of columns of values, mostly zeros [N, C]: [C, B]."""
    found: Numbers = scipy.sparse.csr_array(np.asarray(values, np.float64).T) @ weights
    return found


def gathered(groups: NDArray[np.int64], members: NDArray[np.int64], *, count: int, rows: int) -> scipy.sparse.csr_array:
    """The matrix that adds up the weights of each group's members [count, rows], to be multiplied with weights.

    Args:
        groups: Of each member, ascending [M].
        members: Rows, each at most once [M].
    """
    ends = np.searchsorted(groups, np.arange(count + 1))
    return scipy.sparse.csr_array((np.ones(len(members)), members, ends), shape=(count, rows))


def ratio(over: Numbers, under: Numbers, *, otherwise: float) -> Numbers:
    """``over / under``, and ``otherwise`` where that is a division by zero."""
    found = np.full(np.broadcast_shapes(over.shape, under.shape), otherwise)
    np.divide(over, under, out=found, where=under > 0)
    return found


def mean_of_known(values: Numbers, *, otherwise: float) -> Numbers:
    """Mean of each column [C, B] over what is no NaN: [B]."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0).astype(np.float64), otherwise=otherwise)

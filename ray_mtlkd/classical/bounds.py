"""How much of a table the models of very many classes are fitted on: a describing command should take two minutes.

Tables of up to `ALONE` rows x classes are used whole: 3,000 rows of 1,000 classes, or 20,000 of 150.
"""

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

ALONE = 3_000_000
"""Rows x classes from which each class is told from a sample of the other rows."""
TOGETHER = 9_000_000
"""Rows x classes that a model of all classes is fitted on, at most: it holds several such matrices."""
TREES = 20_000
"""Trees of gradient boosting, at most: a round has one a class."""


def others(has: NDArray[np.bool_], *, classes: int, seed: int) -> tuple[Rows, float] | None:
    """A class's own rows and a sample of the others, and how many each of those stands for; None where all are used.

    Weighted so, the sum of losses is in expectation that over all rows.

    Args:
        has: Whether each row has the class [N].
        classes: How many classes have a model of their own.
        seed: Decides which rows.
    """
    rest, most = np.flatnonzero(~has), others_of(classes)
    if len(has) * classes <= ALONE or len(rest) <= most:
        return None
    drawn = np.random.default_rng(seed).choice(rest, most, replace=False)
    return np.sort(np.concatenate([np.flatnonzero(has), drawn])), len(rest) / most


def others_of(classes: int) -> int:
    """Rows in such a sample."""
    return max(1, ALONE // classes)


def some(labels: NDArray[np.int64], *, classes: int) -> Rows | None:
    """Rows for a model of all classes, at least one of each class; None where all are used.

    Args:
        labels: The class of each row [N].
        classes: How many there are.
    """
    most = max(classes, TOGETHER // classes)
    if len(labels) <= most:
        return None
    order = np.random.default_rng(0).permutation(len(labels))
    first = np.unique(labels[order], return_index=True)[1]
    return np.sort(order[np.concatenate([first, np.setdiff1d(np.arange(len(order)), first)])][:most])


def rounds_of(classes: int, *, at_most: int) -> int:
    """Rounds of gradient boosting."""
    return max(1, min(at_most, TREES // classes))

"""How far a validation metric, or the difference of two, would move on other rows: the delete-a-group jackknife.

Rows (texts of tokens, groups of a ranking) are dealt into G groups by chance, the same at every evaluation, and the
metric is computed again without each group in turn. For an estimate m with values m_1 ... m_G,

    SE(m)^2 = (G - 1) / G  sum_g (m_g - mean m)^2

(Tukey 1958, Ann. Math. Stat. 29, 614; by groups: Kott 2001, J. Off. Stat. 17, 521-526). It holds for every smooth
metric without a formula of its own, and for linear combinations of evaluations on the same rows, whose values without a
group are the same combinations: means over evaluations have a standard error, and so has what one gained over another,
*paired* by rows, from these few numbers alone. Predictions need not be kept. Next to a bootstrap with as many draws it
is as precise, and on small tables it never draws one without a positive row.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.tasks.weighted import Weights, units, weighted_metric

GROUPS = 24
"""A standard error has G - 1 degrees of freedom and is good to 1 / sqrt(2 (G - 1)), 15 %."""
_DEALT = 20_010


@dataclass(frozen=True, kw_only=True)
class Validated:
    """A validation metric, or a linear combination of some.

    Attributes:
        value: In the metric's own unit.
        without: Without each group of rows [G]; empty where nobody asked, or the metric is not of this package.
    """

    value: float
    without: tuple[float, ...] = ()


def mean_of(parts: Sequence[Validated]) -> Validated:
    """The mean, exactly the value of them where they are all the same."""
    by_group = zip(*(part.without for part in parts), strict=True)
    return Validated(value=_mean([part.value for part in parts]), without=tuple(map(_mean, by_group)))


def error_of_gain(present: Validated, earlier: Validated) -> float:
    """Standard error of ``present - earlier`` over other rows than these; 0 where it is not known."""
    if not (present.without and earlier.without):
        return 0.0
    gains = [now - then for now, then in zip(present.without, earlier.without, strict=True)]
    mean = math.fsum(gains) / len(gains)
    return math.sqrt((len(gains) - 1) / len(gains) * math.fsum((gain - mean) ** 2 for gain in gains))


def without_groups(part: PredictedRows) -> tuple[float, ...]:
    """The metric without each group of the table's rows [G]; none where it is not of this package, or of one row."""
    metric, rows = weighted_metric(part), units(part)
    return () if metric is None or rows == 1 else tuple(metric(_dealt(rows)).tolist())


@functools.lru_cache(maxsize=8)
def _dealt(rows: int) -> Weights:
    """0 where a row is of a group, else 1 [rows, G]: the same for every table of so many rows, and read only."""
    groups = min(GROUPS, rows)
    weights = np.ones((rows, groups), np.float32)
    weights[np.random.default_rng(_DEALT).permutation(rows), np.arange(rows) % groups] = 0.0
    weights.setflags(write=False)
    return weights


def _mean(values: Sequence[float]) -> float:
    first = values[0]
    return first + math.fsum(value - first for value in values) / len(values)

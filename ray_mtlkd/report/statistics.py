"""How sure a mean over seeds is.

Interval of 95 %, by the number n of seeds:

- n >= 6: percentile bootstrap over seeds, 9999 resamples from a fixed seed. On a handful of seeds it is somewhat too
  narrow (normal data: it covers about 87 % at n = 6, 91 % at n = 10).
- 2 <= n < 6: Student's t. A bootstrap over n seeds cannot reach beyond the smallest and largest of them, and all n lie
  on one side of the truth with probability 2^(1-n), more than 5 % below six seeds: no bootstrap interval can then cover
  95 %.
- n = 1: none.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Floats = npt.NDArray[np.float64]
Method = Literal["none", "student-t", "bootstrap"]
Difference = Literal["better", "worse", "not shown"]

CONFIDENCE = 0.95
BOOTSTRAP_SEEDS = 6
"""The fewest seeds for which a bootstrap interval can cover 95 %."""
_RESAMPLES = 9999


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean over seeds with its interval.

    Attributes:
        mean: In the unit of the values.
        low: Lower end of the 95 % interval; None with one seed. ``high`` likewise.
        won: Share of seeds with a value above zero, in [0, 1].
        seeds: How many values there were, >= 1.
        method: Where the interval comes from.
    """

    mean: float
    low: float | None
    high: float | None
    won: float
    seeds: int
    method: Method

    @property
    def difference(self) -> Difference:
        """Whether the mean is shown to differ from zero: ``not shown`` where the interval spans zero or is missing."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "not shown"
        return "better" if self.low > 0 else "worse"


def estimate(values: Floats) -> Interval:
    """Mean, interval and share of seeds won of finite ``values`` [n], n >= 1."""
    count = len(values)
    mean = float(values.mean())
    low, high, method = _interval(values)
    return Interval(mean=mean, low=low, high=high, won=float((values > 0).mean()), seeds=count, method=method)


def without_interval(mean: float, *, seeds: int) -> Interval:
    """A mean whose parts do not pair by seed, so that no interval over seeds exists."""
    return Interval(mean=mean, low=None, high=None, won=float("nan"), seeds=seeds, method="none")


def _interval(values: Floats) -> tuple[float | None, float | None, Method]:
    count = len(values)
    if count == 1:
        return None, None, "none"
    if count < BOOTSTRAP_SEEDS:
        error = float(values.std(ddof=1)) / count**0.5
        half = float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)) * error
        mean = float(values.mean())
        return mean - half, mean + half, "student-t"
    means = values[_resamples(count)].mean(axis=1)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high), "bootstrap"


@cache
def _resamples(count: int) -> npt.NDArray[np.int32]:
    """Which seeds each resample draws [9999, n]: the same for all comparisons of n seeds."""
    return np.random.default_rng(0).integers(count, size=(_RESAMPLES, count), dtype=np.int32)

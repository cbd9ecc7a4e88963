"""Every pair of strategies on the same seeds: the model, its intervals, and what they show.

For strategies i and j with y in points of skill, on seed s under configuration c:

    y_ics = mu_i + configuration_ic + seed_s + rest_ics,    d_ij = mean_cs(y_ics - y_jcs)

The seed's part cancels. Three parts of the variance of d_ij are estimated apart and added:

- **seeds**: the sample variance of the paired differences over seeds, drawn towards that of all pairs as far as the
  pairs' variances are alike (`statistics.moderated`): pooled where they are equal, a pair's own where they are not;
- **configurations**, where each strategy replicates several: how much their mean differences vary beyond what seeds
  explain, pooled over pairs that replicate the same configurations and over those that do not;
- **rows** of the test table, where predictions are stored: given.

Degrees of freedom are Satterthwaite's. A part that is known well raises them, which at the level of many pairs could
narrow an interval: none is narrower than seeds alone make it. Intervals of a report hold together (Dunn 1961): each at
the level 1 - 0.05 / (number of pairs in the report), so that all of them cover at once with 95 %, whichever pair is
looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from ray_mtlkd.judging import Judging
from ray_mtlkd.report.skills import Skills
from ray_mtlkd.report.statistics import CONFIDENCE, Floats, Prior
from ray_mtlkd.report.variances import of_configurations, of_seeds, satterthwaite

Finding = Literal["better", "equivalent", "worse", "cannot tell"]
MARGIN = Judging().margin
"""Points of skill within which strategies are as good as each other."""
_DRAWS = 20_000
_SAME = 1e-9
"""Points of skill by which nothing is better: rounding."""


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """The difference of one strategy's mean skill from another's, in points.

    Attributes:
        mean: Above zero where the first is better.
        variance: Of the mean, by what it comes from: ``seeds``, ``configurations``, ``rows``; 0 for what is not known.
        df: Degrees of freedom of their sum; None where there is one seed.
        df_of_seeds: Of the part that is seeds' alone, likewise.
        seeds: That both ran.
        family: How many pairs the report compares.
        margin: Within which they are as good as each other.
    """

    mean: float
    variance: Mapping[str, float]
    df: float | None
    df_of_seeds: float | None
    seeds: int
    family: int
    margin: float

    @property
    def raw(self) -> tuple[float, float] | None:
        """The 95 % interval of this pair by itself."""
        return self._ends(self._half(1))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval that holds together with all others of the report; None with one seed."""
        return self._ends(self._half(self.family))

    @property
    def finding(self) -> Finding:
        """What the interval shows: apart from zero, or all within the margin."""
        ends = self.interval
        if ends is None:
            return "cannot tell"
        low, high = ends
        if low > 0 or high < 0:
            return "better" if low > 0 else "worse"
        return "equivalent" if -self.margin < low and high < self.margin else "cannot tell"

    def _half(self, family: int) -> float | None:
        if self.df is None:
            return None
        return float(_widest(self.variance, self.df, self.df_of_seeds, family))

    def _ends(self, half: float | None) -> tuple[float, float] | None:
        return None if half is None else (self.mean - half, self.mean + half)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All pairs of some strategies.

    Attributes:
        strategies: Names [k].
        means: Of the differences [k, k], NaN where two share no seed.
        variances: Of these means by what they come from, each [k, k].
        df: Degrees of freedom of their sum [k, k], NaN where there is one seed.
        df_of_seeds: Of the part that is seeds' alone [k, k], likewise.
        seeds: That two share [k, k].
        prior: What the pairs' variances over seeds have in common; None where no pair has two seeds.
        configurations: Most that a strategy replicates.
        pairs: How many of them can be compared.
        family: How many pairs the report compares.
        margin: Points within which strategies are as good as each other.
    """

    strategies: tuple[str, ...]
    means: Floats
    variances: Mapping[str, Floats]
    df: Floats
    df_of_seeds: Floats
    seeds: Floats
    prior: Prior | None
    configurations: int
    pairs: int
    family: int
    margin: float

    def contrast(self, first: str, second: str) -> Contrast | None:
        """What one gains over the other; None where they share no seed."""
        if first not in self.strategies or second not in self.strategies:
            return None
        at = self.strategies.index(first), self.strategies.index(second)
        if not self.seeds[at]:
            return None
        return Contrast(
            mean=float(self.means[at]),
            variance={name: float(found[at]) for name, found in self.variances.items()},
            df=float(self.df[at]) if np.isfinite(self.df[at]) else None,
            df_of_seeds=float(self.df_of_seeds[at]) if np.isfinite(self.df_of_seeds[at]) else None,
            seeds=int(self.seeds[at]),
            family=self.family,
            margin=self.margin,
        )

    @property
    def better(self) -> npt.NDArray[np.bool_]:
        """Whether one is shown to be better than the other [k, k]."""
        return self.means - self._halves > 0

    @property
    def not_below(self) -> npt.NDArray[np.bool_]:
        """Whether one is shown to be at most the margin below the other [k, k]."""
        return self.means - self._halves > -self.margin

    def after(self, seeds: int) -> "Comparison":
        """What so many seeds more would show, as if means and variances stayed what they are.

        What configurations and rows leave open stays as it is.
        """
        count = np.maximum(self.seeds, 1)
        grown = (self.seeds + seeds) / count
        more = np.where(self.seeds > 1, (self.seeds + seeds - 1) / np.maximum(count - 1, 1), 1.0)
        fewer = {**self.variances, "seeds": self.variances["seeds"] / grown}
        return replace(
            self, variances=fewer, df=self.df * more, df_of_seeds=self.df_of_seeds * more, seeds=self.seeds + seeds
        )

    @property
    def _halves(self) -> Floats:
        """Half the width of every interval [k, k]; NaN where there is none, which shows nothing."""
        found: Floats = _widest(self.variances, self.df, self.df_of_seeds, self.family)
        return found

    def best(self, among: tuple[str, ...]) -> dict[str, float]:
        """The probability of each of some strategies to be the best of them, under a flat prior.

        Empty where two of them cannot be compared. Draws from the multivariate t whose pairs have these means and
        variances: G = -J V J / 2 is the covariance of centred means with pair variances V (J centres).
        """
        places = [self.strategies.index(name) for name in among]
        square = np.ix_(places, places)
        pairs, df = sum(found[square] for found in self.variances.values()), self.df[square]
        other = ~np.eye(len(among), dtype=bool)
        if not other.any() or not np.isfinite(df[other]).all():
            return {}
        centre = np.eye(len(among)) - 1 / len(among)
        values, vectors = np.linalg.eigh(-centre @ pairs @ centre / 2)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        draws = np.random.default_rng(0)
        normal = draws.standard_normal((_DRAWS, len(among))) @ root.T
        weight = float(np.median(df[other]))
        scale = np.sqrt(weight / draws.chisquare(weight, size=(_DRAWS, 1)))
        drawn = self.means[square].mean(axis=1) + normal * scale
        firsts = drawn >= drawn.max(axis=1, keepdims=True) - _SAME  # strategies whose trials are the same share a draw
        shares = (firsts / firsts.sum(axis=1, keepdims=True)).mean(axis=0)
        return dict(zip(among, map(float, shares), strict=True))


def half_width(variance: Any, df: Any, family: int) -> Any:
    """Of the interval of a mean with this variance, one of a family of so many that hold together."""
    return stdtrit(df, 1 - (1 - CONFIDENCE) / (2 * family)) * np.sqrt(variance)


def _widest(variances: Mapping[str, Any], df: Any, df_of_seeds: Any, family: int) -> Any:
    """Half the width that all parts give together, and at least that of seeds alone."""
    alone = half_width(variances["seeds"], df_of_seeds, family)
    return np.maximum(half_width(sum(variances.values()), df, family), alone)


def compare(
    skills: Skills, *, rows: Floats | None = None, family: int | None = None, margin: float = MARGIN
) -> Comparison:
    """All pairs of strategies.

    Args:
        rows: Variance over draws of test rows of each pair's mean difference, in squared points [k, k], beyond what
            already makes seeds differ; NaN where a strategy's predictions are not stored.
        family: How many pairs the report compares; without it, those of this comparison.
    """
    means, counts, df, over_seeds, prior = of_seeds(skills)
    between, spread = of_configurations(skills)
    from_rows = np.zeros_like(means) if rows is None else np.nan_to_num(rows)
    variances = {"seeds": over_seeds, "configurations": between, "rows": from_rows}
    pairs = int(np.triu(counts > 0, 1).sum())
    return Comparison(
        strategies=skills.strategies,
        means=means,
        variances=variances,
        df=satterthwaite(over_seeds + between + from_rows, (over_seeds**2 / df, spread), df),
        df_of_seeds=df,
        seeds=counts,
        prior=prior,
        configurations=skills.test.shape[2],
        pairs=pairs,
        family=max(1, pairs if family is None else family),
        margin=margin,
    )

"""The rule: the simplest of the strategies that may be the best, where it is shown to be as good as all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report.comparison import Comparison
from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.section import RowVariances, Section, section, without
from ray_mtlkd.report.statistics import mean_of_finite

_SIMPLE = ("baseline", "control", "kd")
"""Roles, the simplest first."""
FEWEST_SEEDS = 3
"""With one there is no interval at all; with two, variances are hardly known."""
MOST_SEEDS = 100
"""More than so many are not advised."""
_ENDLESS = 10**9
"""Seeds after which they leave nothing open."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rule finds, for one setup or over all.

    Attributes:
        where: Name of the setup, or ``ALL_SETUPS``.
        scores: Mean skill on validation, in points, of the multitask strategies that can be compared.
        chosen: The one with the best of ``scores``.
        elected: How often each is the best on validation over all seeds but one.
        elected_gain: What those gain over ``sum`` on the seed that is left out, on average in points; None without
            ``sum``.
        contenders: Those that no other is shown to be better than, the simplest first.
        open: Contenders than which the simplest is not shown to be at most the margin worse: they keep it from being
            shipped.
        single: One model a task, where it is shown to be better than every contender.
    """

    where: str
    scores: Mapping[str, float]
    chosen: str
    elected: Counter[str]
    elected_gain: float | None
    contenders: tuple[str, ...]
    open: tuple[str, ...]
    single: str | None

    @property
    def simplest(self) -> str:
        """The simplest contender."""
        return self.contenders[0]

    @property
    def ship(self) -> str | None:
        """What to ship; None where it cannot be told yet."""
        return self.single or (None if self.open else self.simplest)


def decide(found: Section) -> Verdict | None:
    """The verdict on what a section compares; None where no multitask strategy can be compared."""
    multitask = [each for each in found.strategies if each.role != "reference" and each.name not in found.left_out]
    if not multitask:
        return None
    names = [each.name for each in multitask]
    valid = found.skills.mean_valid()
    scores = {name: valid[name] for name in names}
    elected = [found.skills.chosen_without(at, names) for at in range(len(found.skills.seeds))]
    contenders, still_open = _rule(found.comparison, _by_plainness(multitask, scores))
    return Verdict(
        where=found.where,
        scores=scores,
        chosen=max(scores, key=lambda name: scores[name]),
        elected=Counter(name for name in elected if name is not None),
        elected_gain=_elected_gain(found, elected),
        contenders=contenders,
        open=still_open,
        single=_single(found, contenders),
    )


def more_seeds(found: Section, verdict: Verdict) -> int | None:
    """How many more would tell what to ship, as if means and variances stayed what they are.

    None where ``MOST_SEEDS`` would not.
    """
    if found.comparison.prior is None:
        return FEWEST_SEEDS - int(found.comparison.seeds.max(initial=0))
    return next((more for more in range(MOST_SEEDS) if not _open_after(found, verdict, more)), None)


def seeds_would_tell(found: Section, verdict: Verdict) -> bool:
    """Whether any number of seeds would tell what to ship, however large: what else is uncertain does not forbid it."""
    return not _open_after(found, verdict, _ENDLESS)


def _open_after(found: Section, verdict: Verdict, seeds: int) -> tuple[str, ...]:
    """What would still keep the simplest from being shipped after so many seeds more."""
    multitask = [each for each in found.strategies if each.name in verdict.scores]
    return _rule(found.comparison.after(seeds), _by_plainness(multitask, verdict.scores))[1]


def fragile(
    setups: Sequence[Setup], verdict: Verdict, found: Section, *, rows: RowVariances | None = None
) -> dict[tuple[str, str], str | None]:
    """What would be shipped without a task, by setup and task, where that is something else."""
    changed: dict[tuple[str, str], str | None] = {}
    if verdict.ship is None:
        return changed
    for at, setup in enumerate(setups):
        for index, task in enumerate(setup.tasks):
            rest = without(setup, index)
            if rest is None:
                continue
            others = [*setups[:at], rest, *setups[at + 1 :]]
            part = section(others, rows=rows, family=found.comparison.family, margin=found.comparison.margin)
            again = decide(part)
            ship = None if again is None else again.ship
            if ship != verdict.ship:
                changed[setup.name, task.name] = ship
    return changed


def _by_plainness(strategies: Sequence[StrategyInfo], scores: Mapping[str, float]) -> tuple[str, ...]:
    """Names, the simplest first: `sum`, other baselines, controls, what distils; of alike the best on validation."""

    def plainness(strategy: StrategyInfo) -> tuple[bool, int, float]:
        role = _SIMPLE.index(strategy.role) if strategy.role in _SIMPLE else len(_SIMPLE)
        return strategy.name != "sum", role, -scores[strategy.name]

    return tuple(each.name for each in sorted(strategies, key=plainness))


def _rule(comparison: Comparison, order: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Contenders, and those of them than which the simplest may be worse by more than the margin.

    Args:
        order: Names of what may be shipped, the simplest first.
    """
    places = np.array([comparison.strategies.index(name) for name in order])
    square = np.ix_(places, places)
    kept = np.flatnonzero(~comparison.better[square].any(axis=0))
    as_good = comparison.not_below[square][kept[0]]
    names = [order[int(at)] for at in kept]
    return tuple(names), tuple(name for name, at in zip(names[1:], kept[1:], strict=True) if not as_good[at])


def _elected_gain(found: Section, elected: Sequence[str | None]) -> float | None:
    if "sum" not in found.skills.strategies:
        return None
    test = mean_of_finite(found.skills.test, axis=2)
    plain = found.skills.strategies.index("sum")
    gains = [
        test[found.skills.strategies.index(name), at] - test[plain, at]
        for at, name in enumerate(elected)
        if name is not None
    ]
    known = [float(gain) for gain in gains if np.isfinite(gain)]
    return float(np.mean(known)) if known else None


def _single(found: Section, contenders: Sequence[str]) -> str | None:
    """One model a task, where it is shown to be better than all that may be shipped; of several the best one first."""
    best = found.reference("single_task")
    for name in sorted(found.singles, key=lambda each: each != best):
        against = [found.comparison.contrast(name, each) for each in contenders]
        if all(each is not None and each.finding == "better" for each in against):
            return name
    return None

"""How strategies compare in one setup, or over several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from ray_mtlkd.report.best_baseline import BEST_BASELINE, BestBaseline, best_baseline
from ray_mtlkd.report.comparison import Comparison, compare
from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.skills import Skills, comparable, skills, skills_across
from ray_mtlkd.report.statistics import Floats

ALL_SETUPS = "all setups"
"""Stands where a setup's name would, for the mean over setups."""
LeftOut = Literal["budget", "undefined", "missing"]
RowVariances = Callable[[Setup, Sequence[str]], Floats]
"""For some strategies of a setup, the variance of each pair's difference in mean skill over draws of test rows, beyond
what already makes seeds differ, in squared points [k, k]; NaN where a strategy's predictions are not stored."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """How strategies compare.

    Attributes:
        setups: Names.
        tasks: Of the only setup, else empty.
        strategies: Of every setup, in the order of the tables.
        left_out: Of these, why some cannot be compared. ``budget``: it ended before all tasks had trained.
            ``undefined``: a metric is missing. ``missing``: no trial finished in some setup.
        skills: Of the others, and of ``BEST_BASELINE`` where there is one.
        comparison: Of all pairs of those.
        bests: The best baseline of each setup.
        rows_known: Whether the finite size of all test tables is in the intervals.
    """

    setups: tuple[str, ...]
    tasks: tuple[str, ...]
    strategies: tuple[StrategyInfo, ...]
    left_out: Mapping[str, LeftOut]
    skills: Skills
    comparison: Comparison
    bests: Mapping[str, BestBaseline | None]
    rows_known: bool

    @property
    def where(self) -> str:
        """The setup's name, or ``ALL_SETUPS``."""
        return self.setups[0] if len(self.setups) == 1 else ALL_SETUPS

    @property
    def best_name(self) -> str | None:
        """The baseline that is the best one everywhere and on every seed; None where that is not one."""
        names = {None if best is None else best.only for best in self.bests.values()}
        return names.pop() if len(names) == 1 else None

    def reference(self, kind: str) -> str | None:
        """The row that a reference is: ``best_baseline``, ``sum`` or ``single_task``; None where there is none.

        Where several strategies train one model a task, it is the one with the best mean skill on validation: what
        multitask training is measured against must not be the weaker of two.
        """
        if kind == "best_baseline":
            return BEST_BASELINE if BEST_BASELINE in self.skills.strategies else None
        if kind == "sum":
            return next((each.name for each in self.strategies if each.name == "sum"), None)
        return self.skills.chosen(self.singles) or next(iter(self.singles), None)

    @property
    def singles(self) -> tuple[str, ...]:
        """The strategies that train one model a task."""
        return tuple(each.name for each in self.strategies if each.curriculum == "single_task")

    def who(self, kind: str) -> str | None:
        """The strategy that a reference is, where its kind does not say so; None also where that is not one alone."""
        name = self.best_name if kind == "best_baseline" else self.reference(kind)
        return None if name == kind else name

    @property
    def compared(self) -> tuple[str, ...]:
        """The strategies that can be compared."""
        return tuple(name for name in self.skills.strategies if name != BEST_BASELINE)

    @cached_property
    def chances(self) -> Mapping[str, float]:
        """The probability of each of those to be the best of them; empty where two of them cannot be compared."""
        return self.comparison.best(self.compared)

    @property
    def pairs(self) -> int:
        """How many different ones it compares: where one baseline is the best everywhere, its pairs count once."""
        twice = len(self.skills.strategies) - 1 if self.best_name is not None else 0
        return self.comparison.pairs - twice

    def in_family(self, pairs: int) -> "Section":
        """The same among so many pairs in all."""
        return replace(self, comparison=replace(self.comparison, family=max(1, pairs)))

    def ranks(self) -> dict[str, float]:
        """Mean rank over seeds by skill on test, 1 is best, among those that finished the seed; equals share."""
        names = self.compared
        places: dict[str, list[float]] = {name: [] for name in names}
        for at in range(len(self.skills.seeds)):
            values = {name: self.skills.test[self.skills.strategies.index(name), at] for name in names}
            here = {name: float(np.nanmean(each)) for name, each in values.items() if np.isfinite(each).any()}
            found = np.array(list(here.values()))
            for name, value in here.items():
                better, ties = (found > value).sum(), (found == value).sum()
                places[name].append(float(better + (ties + 1) / 2))
        return {name: float(np.mean(found)) for name, found in places.items() if found}


def section(
    setups: Sequence[Setup], *, margin: float, rows: RowVariances | None = None, family: int | None = None
) -> Section:
    """Compare the strategies of these setups, all or one."""
    parts = [skills(setup) for setup in setups]
    bests = {setup.name: best_baseline(setup, part) for setup, part in zip(setups, parts, strict=True)}
    parts = [_with_best(part, best) for part, best in zip(parts, bests.values(), strict=True)]
    found = parts[0] if len(parts) == 1 else skills_across(parts)
    strategies = [runs.strategy for runs in setups[0].runs]
    everywhere = [each for each in strategies if all(each in [runs.strategy for runs in at.runs] for at in setups)]
    sampled = None if rows is None or not found.strategies else _rows(setups, found, bests, rows)
    return Section(
        setups=tuple(setup.name for setup in setups),
        tasks=tuple(task.name for task in setups[0].tasks) if len(setups) == 1 else (),
        strategies=tuple(everywhere),
        left_out={each.name: why for each in everywhere if (why := _why(each, setups, found)) is not None},
        skills=found,
        comparison=compare(found, rows=sampled, family=family, margin=margin),
        bests=bests,
        rows_known=sampled is not None and bool(np.isfinite(sampled).all()),
    )


def without(setup: Setup, task: int) -> Setup | None:
    """The same where one task does not count; None where no other does."""
    runs = []
    for each in setup.runs:
        weights = each.per_task["weight"].copy()
        weights[:, task] = 0.0
        if not weights.sum(axis=1).all():
            return None
        runs.append(replace(each, per_task={**each.per_task, "weight": weights}))
    return replace(setup, runs=tuple(runs))


def _with_best(part: Skills, best: BestBaseline | None) -> Skills:
    return part if best is None else part.with_best(BEST_BASELINE, best.by_seed)


def _why(strategy: StrategyInfo, setups: Sequence[Setup], found: Skills) -> LeftOut | None:
    if strategy.name in found.strategies:
        return None
    runs = [each for setup in setups for each in setup.runs if each.strategy == strategy]
    if any(any(each.untrained) for each in runs):
        return "budget"
    return "undefined" if all(each.keys for each in runs) and not all(map(comparable, runs)) else "missing"


def _rows(
    setups: Sequence[Setup], found: Skills, bests: Mapping[str, BestBaseline | None], rows: RowVariances
) -> Floats:
    """What test rows add to each pair's variance: tables of setups are drawn apart; ``BEST_BASELINE`` is a mixture."""
    names = [name for name in found.strategies if name != BEST_BASELINE]
    total = np.zeros((len(found.strategies), len(found.strategies)))
    for setup in setups:
        known, best = rows(setup, names), bests[setup.name]
        mixing = np.eye(len(names))
        if BEST_BASELINE in found.strategies and best is not None:
            picked = list(best.by_seed.values())
            mixing = np.vstack([mixing, [picked.count(name) / len(picked) for name in names]])
        contrasts = mixing[:, None] - mixing[None]
        added = -np.einsum("ija,ab,ijb->ij", contrasts, np.nan_to_num(known), contrasts) / 2 / len(setups) ** 2
        lacking = np.einsum("ija,ab,ijb->ij", np.abs(contrasts), np.isnan(known), np.abs(contrasts)) > 0
        total += np.where(lacking, np.nan, np.maximum(added, 0.0))
    return total

"""Strategies x setups: every gain over every reference, with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np

from ray_mtlkd.report.gains import Gains, across, best_baseline, paired, ranks
from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.statistics import Interval, estimate, without_interval
from ray_mtlkd.report.warnings import MARK, Unfinished, unfinished

Reference = Literal["best_baseline", "sum", "single_task"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
ALL_SETUPS = "all setups"
"""Stands where a setup's name would, for the mean over setups."""
State = Literal["known", "self", "undefined", "missing"]
_Where = tuple[str, str, Reference]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The gain of a strategy over a reference.

    Attributes:
        state: ``known``: there is an estimate. ``self``: the strategy is the reference. ``undefined``: a task's
            reference metric is zero or missing. ``missing``: no seed finished with both.
        against: Name of the reference strategy; empty where it differs between setups or is missing.
        estimate: In percent.
    """

    state: State
    against: str = ""
    estimate: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the terminal shows and every table of gains is made of.

    Attributes:
        setups: Names, ascending; with several, ``ALL_SETUPS`` is a key of the mappings, too.
        strategies: Of each setup (and of ``ALL_SETUPS``), in the order of the tables.
        cells: By setup, strategy and reference.
        ranks: By setup and strategy; 1 is best.
        best_baselines: By setup; None where no baseline finished.
        unfinished: By setup, the strategies that did not train every task in every trial.
        warnings: Sentences.
    """

    setups: tuple[str, ...]
    strategies: Mapping[str, tuple[StrategyInfo, ...]]
    cells: Mapping[_Where, Cell]
    ranks: Mapping[tuple[str, str], float]
    best_baselines: Mapping[str, str | None]
    unfinished: Mapping[str, tuple[Unfinished, ...]]
    warnings: tuple[str, ...]

    def mark(self, setup: str, strategy: str) -> str:
        """A dagger where the strategy did not train every task, else nothing."""
        return MARK if any(each.strategy == strategy for each in self.unfinished[setup]) else ""

    @property
    def total(self) -> str:
        """Where the verdict on everything stands: the only setup, or ``ALL_SETUPS``."""
        return self.setups[0] if len(self.setups) == 1 else ALL_SETUPS

    @property
    def sections(self) -> tuple[str, ...]:
        """The setups, after ``ALL_SETUPS`` where there are several."""
        return self.setups if len(self.setups) == 1 else (ALL_SETUPS, *self.setups)


def summarise(setups: Sequence[Setup]) -> Summary:
    """All gains of all strategies on test, in each setup and over all of them."""
    best: dict[str, str | None] = {}
    warnings: list[str] = []
    gains: dict[_Where, Gains] = {}
    places: dict[tuple[str, str], float] = {}
    for setup in setups:
        best[setup.name], said = best_baseline(setup)
        found = _gains(setup, best[setup.name])
        gains.update({(setup.name, *key): value for key, value in found.items()})
        warnings.extend((*said, *_undefined(setup.name, list(found.values()))))
        over_sum = [value for (_, reference), value in found.items() if reference == "sum"]
        places.update({(setup.name, name): rank for name, rank in ranks(over_sum).items()})
    names = tuple(setup.name for setup in setups)
    strategies = {setup.name: tuple(runs.strategy for runs in setup.runs) for setup in setups}
    cells = {
        (setup, strategy.name, reference): _cell(gains.get((setup, strategy.name, reference)))
        for setup in names
        for strategy in strategies[setup]
        for reference in REFERENCES
    }
    if len(names) > 1:
        everywhere = [each for each in strategies[names[0]] if all(each in strategies[name] for name in names)]
        strategies[ALL_SETUPS] = tuple(everywhere)
        for strategy, reference in product(everywhere, REFERENCES):
            parts = [gains.get((name, strategy.name, reference)) for name in names]
            cells[ALL_SETUPS, strategy.name, reference] = _cell_across(parts)
        places.update(_ranks_across(names, everywhere, places))
    return Summary(
        setups=names,
        strategies=strategies,
        cells=cells,
        ranks=places,
        best_baselines=best,
        unfinished={**{setup.name: unfinished([setup]) for setup in setups}, ALL_SETUPS: unfinished(setups)},
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _ranks_across(
    setups: Sequence[str], strategies: Sequence[StrategyInfo], places: Mapping[tuple[str, str], float]
) -> dict[tuple[str, str], float]:
    return {
        (ALL_SETUPS, each.name): float(np.mean([places[setup, each.name] for setup in setups]))
        for each in strategies
        if all((setup, each.name) in places for setup in setups)
    }


def _gains(setup: Setup, best: str | None) -> dict[tuple[str, Reference], Gains]:
    single = next((runs.strategy.name for runs in setup.runs if runs.strategy.role == "reference"), None)
    references: dict[Reference, str | None] = {"best_baseline": best, "sum": "sum", "single_task": single}
    found = {}
    for reference, name in references.items():
        base = None if name is None else setup.of(name)
        for runs in setup.runs:
            if base is not None and runs.keys:
                found[runs.strategy.name, reference] = paired(runs, base, setup=setup, split="test")
    return found


def _undefined(setup: str, gains: Sequence[Gains]) -> list[str]:
    return [
        f"{setup}: the gain of {each.strategy} over {each.reference} is undefined, because {why}"
        for each in gains
        for why in each.undefined
        if not each.is_self
    ]


def _cell(gains: Gains | None) -> Cell:
    if gains is None or not gains.keys:
        return Cell(state="missing", against="" if gains is None else gains.reference)
    if gains.is_self:
        return Cell(state="self", against=gains.reference)
    if gains.undefined:
        return Cell(state="undefined", against=gains.reference)
    return Cell(state="known", against=gains.reference, estimate=estimate(gains.percent))


def _cell_across(parts: Sequence[Gains | None]) -> Cell:
    known = [part for part in parts if part is not None and part.keys]
    if len(known) < len(parts):
        return Cell(state="missing")
    against = known[0].reference if len({part.reference for part in known}) == 1 else ""
    if all(part.is_self for part in known):
        return Cell(state="self", against=against)
    if any(part.undefined for part in known):
        return Cell(state="undefined", against=against)
    per_seed, mean = across(known)
    seeds = sum(len(part.keys) for part in known)
    return Cell(
        state="known",
        against=against,
        estimate=estimate(per_seed) if len(per_seed) else without_interval(mean, seeds=seeds),
    )

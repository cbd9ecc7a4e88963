"""Strategies x setups: every difference from every reference, with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

from ray_mtlkd.report import text
from ray_mtlkd.report.best_baseline import BEST_BASELINE, as_runs
from ray_mtlkd.report.comparison import MARGIN, Contrast
from ray_mtlkd.report.gains import Gains, across, paired
from ray_mtlkd.report.runs import Runs, Setup, StrategyInfo
from ray_mtlkd.report.section import ALL_SETUPS, RowVariances, Section, section
from ray_mtlkd.report.statistics import Interval, estimate, without_interval
from ray_mtlkd.report.warnings import MARK, Unfinished, unfinished

Reference = Literal["best_baseline", "sum", "single_task"]
REFERENCES: tuple[Reference, ...] = get_args(Reference)
State = Literal["known", "self", "budget", "undefined", "missing", "none"]
_Where = tuple[str, str, Reference]
_Pair = tuple[str, str, str]
"""Setup, strategy, and what it is compared with."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What a strategy gains over a reference.

    Attributes:
        state: ``known``: there is a difference. ``self``: the strategy is the reference. ``budget``: the budget ended
            before one of them had trained every task. ``undefined``: a metric is missing. ``missing``: no seed
            finished with both. ``none``: nothing of the reference's kind can be compared.
        against: Name of the reference strategy; empty where it differs between seeds or setups, or is missing.
        skill: The difference in points of skill, by which is judged.
        gain: The relative gain in percent; None where it is undefined.
        by_task: What each task adds to the gain in percent, of one setup.
    """

    state: State
    against: str = ""
    skill: Contrast | None = None
    gain: Interval | None = None
    by_task: Mapping[str, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What the terminal shows and every table of gains is made of.

    Attributes:
        setups: Names, ascending; with several, ``ALL_SETUPS`` is a key of the mappings, too.
        parts: How strategies compare in each setup (and in ``ALL_SETUPS``).
        cells: By setup, strategy and reference.
        ranks: By setup and strategy; 1 is best.
        unfinished: By setup, the strategies that did not train every task in every trial.
        warnings: Sentences.
    """

    setups: tuple[str, ...]
    parts: Mapping[str, Section]
    cells: Mapping[_Where, Cell]
    ranks: Mapping[tuple[str, str], float]
    unfinished: Mapping[str, tuple[Unfinished, ...]]
    warnings: tuple[str, ...]

    def mark(self, setup: str, strategy: str) -> str:
        """A dagger where the strategy did not train every task, else nothing."""
        return MARK if any(each.strategy == strategy for each in self.unfinished[setup]) else ""

    def strategies(self, where: str) -> tuple[StrategyInfo, ...]:
        """Of a setup or of ``ALL_SETUPS``, in the order of the tables."""
        return self.parts[where].strategies

    @property
    def total(self) -> str:
        """Where the verdict on everything stands: the only setup, or ``ALL_SETUPS``."""
        return self.setups[0] if len(self.setups) == 1 else ALL_SETUPS

    @property
    def sections(self) -> tuple[str, ...]:
        """The setups, after ``ALL_SETUPS`` where there are several."""
        return self.setups if len(self.setups) == 1 else (ALL_SETUPS, *self.setups)


def summarise(setups: Sequence[Setup], *, rows: RowVariances | None = None, margin: float = MARGIN) -> Summary:
    """All differences of all strategies on test, in each setup and over all of them.

    Args:
        rows: What the test rows add to the variance of differences, where predictions are stored.
        margin: Points of skill within which strategies are as good as each other.
    """
    parts = {setup.name: section([setup], rows=rows, margin=margin) for setup in setups}
    if len(setups) > 1:
        parts[ALL_SETUPS] = section(setups, rows=rows, margin=margin)
    family = sum(part.pairs for part in parts.values())
    parts = {where: part.in_family(family) for where, part in parts.items()}
    gains: dict[_Pair, Gains] = {}
    for setup in setups:
        gains.update(_gains(setup, parts[setup.name]))
    cells = {
        (where, strategy.name, reference): _cell(part, strategy, reference, gains)
        for where, part in parts.items()
        for strategy, reference in product(part.strategies, REFERENCES)
    }
    return Summary(
        setups=tuple(setup.name for setup in setups),
        parts=parts,
        cells=cells,
        ranks={(where, name): rank for where, part in parts.items() for name, rank in part.ranks().items()},
        unfinished={**{setup.name: unfinished([setup]) for setup in setups}, ALL_SETUPS: unfinished(setups)},
        warnings=tuple(dict.fromkeys((*_baseline_warnings(parts), *_undefined(gains)))),
    )


def _gains(setup: Setup, part: Section) -> dict[_Pair, Gains]:
    """Over all that may be a reference here or over all setups."""
    best = part.bests[setup.name]
    references: dict[str, Runs | None] = {name: setup.of(name) for name in ("sum", *part.singles)}
    references[BEST_BASELINE] = None if best is None else as_runs(best, setup)
    return {
        (setup.name, runs.strategy.name, name): paired(runs, base, setup=setup, split="test")
        for name, base in references.items()
        if base is not None
        for runs in setup.runs
        if runs.keys
    }


def _cell(part: Section, strategy: StrategyInfo, reference: Reference, gains: Mapping[_Pair, Gains]) -> Cell:
    name = part.reference(reference)
    against = part.best_name if reference == "best_baseline" else name
    if name is None:
        return Cell(state="none")
    if strategy.name == against:
        return Cell(state="self", against=strategy.name)
    out = {part.left_out[each] for each in (strategy.name, name) if each in part.left_out}
    if out:
        return Cell(state="budget" if "budget" in out else "undefined" if "undefined" in out else "missing")
    skill = part.comparison.contrast(strategy.name, name)
    if skill is None:
        return Cell(state="missing", against=against or "")
    found = [gains.get((setup, strategy.name, name)) for setup in part.setups]
    known = [each for each in found if each is not None and len(each.percent)]
    whole = len(known) == len(part.setups)
    by_task = dict(zip(part.tasks, map(float, known[0].by_task), strict=True)) if whole and len(known) == 1 else None
    gain = _gain(known) if whole else None
    return Cell(state="known", against=against or "", skill=skill, gain=gain, by_task=by_task)


def _gain(parts: Sequence[Gains]) -> Interval:
    per_seed, mean = across(parts)
    if len(parts) == 1:
        return estimate(parts[0].percent)
    seeds = sum(len(part.keys) for part in parts)
    return estimate(per_seed) if len(per_seed) else without_interval(mean, seeds=seeds)


def _baseline_warnings(parts: Mapping[str, Section]) -> list[str]:
    return [
        f"{text.plain(name)}: no baseline can be compared, so there is no best one"
        for name, part in parts.items()
        if name != ALL_SETUPS and part.bests[name] is None
    ]


def _undefined(gains: Mapping[_Pair, Gains]) -> list[str]:
    """A sentence for each setup, reference and reason: of one reference, many strategies lack the same."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for (setup, *_), each in gains.items():
        for why in each.undefined:
            if each.strategy != each.reference:
                found.setdefault((setup, each.reference, why), []).append(each.strategy)
    return [
        f"{text.plain(setup)}: gains over {text.plain(reference)} are undefined for "
        f"{text.listed(map(text.plain, strategies))}, because {text.plain(why)}"
        for (setup, reference, why), strategies in found.items()
    ]

"""Ways of sharing, or whole architectures, against strategies: what each gains, how large it is, what a step costs."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.gain_tables import cell
from ray_mtlkd.report.gains import common
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Runs, Setup, StrategyInfo
from ray_mtlkd.report.section import Section
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.report.summary import Reference, Summary

_SECTIONS = ("encoder", "sharing", "regularizers")
"""Of a configuration, those that say an architecture."""
_ALONE = "reference"
"""The role of strategies that train several models: in the table, rows of their own."""
_TOGETHER, _PLAIN = "joint", "sum"
"""The curriculum and the balancer that a strategy's name leaves out."""
_SHARING = {"sharing.name"}
_COUNTED = ("parameters", "trained_parameters")

_SAID = """\
Differences of mean skill on test, in points, with the intervals above. Strategies that train several models have rows
of their own. *CPU a batch* is the CPU time of a task batch over that in the first row, under the same strategy and
seed: median and quartiles. All that a trial does beside its steps is in it, and what else the machine did."""

Pair = tuple[str, str]
"""Curriculum and balancer."""
Parts = tuple[tuple[str, str], ...]
"""Of an architecture: by place in a configuration, what is there, e.g. ``sharing.name`` and ``mmoe``."""


@dataclass(frozen=True, kw_only=True)
class Cross:
    """The strategies of one section of the report by architecture, and by curriculum and balancer.

    Attributes:
        varied: Places at which architectures differ.
        rows: By architecture and pair, the strategies there: mostly one.
        columns: The pairs, in the order of the tables.
    """

    varied: Collection[str]
    rows: Mapping[str, Mapping[Pair, Sequence[StrategyInfo]]]
    columns: Sequence[Pair]

    @property
    def base(self) -> str:
        """The architecture that others are held against: the first, which is that of `sum` where there is one."""
        return next(iter(self.rows))

    @property
    def of_sharing(self) -> bool:
        """Whether architectures differ in nothing else."""
        return self.varied == _SHARING


def architectures(setups: Sequence[Setup], summary: Summary, trials: Sequence[Mapping[str, Any]]) -> str:
    """A part of the page, with its heading; empty where all strategies have one architecture.

    Args:
        trials: One row a trial of the records, as ``history.trials`` gives them.
    """
    found = {where: _cross(summary.parts[where], trials) for where in summary.sections}
    told = {where: cross for where, cross in found.items() if cross is not None}
    if not told:
        return ""
    by_name, parts = {setup.name: setup for setup in setups}, []
    for where, cross in told.items():
        heading = [f"### {text.plain(where)}"] if len(summary.sections) > 1 else []
        parts += [*heading, _table(cross, where, summary, by_name.get(where))]
    of_sharing = all(cross.of_sharing for cross in told.values())
    return "\n\n".join(["## Ways of sharing" if of_sharing else "## Architectures", _SAID, *parts])


def _reference(part: Section) -> Reference:
    return "sum" if part.reference("sum") is not None else "best_baseline"


def _cross(part: Section, trials: Sequence[Mapping[str, Any]]) -> Cross | None:
    """None where there is one architecture alone."""
    known = {strategy.name: _named(strategy.name, part.setups, trials) for strategy in part.strategies}
    options = [dict(option) for each in part.strategies if each.role != _ALONE for option in known[each.name]]
    places = {place for option in options for place in option}
    varied = {place for place in places if len({option.get(place) for option in options}) > 1}
    if not varied:
        return None
    rows: dict[str, dict[Pair, list[StrategyInfo]]] = {}
    for strategy in part.strategies:
        alone = strategy.role == _ALONE
        row = text.code(strategy.name) if alone else _label(known[strategy.name], varied)
        pair = (_TOGETHER if alone else strategy.curriculum, strategy.balancer)
        rows.setdefault(row, {}).setdefault(pair, []).append(strategy)
    columns = tuple(dict.fromkeys(pair for row in rows.values() for pair in row))
    return Cross(varied=varied, rows=rows, columns=columns)


def _named(strategy: str, setups: Sequence[str], trials: Sequence[Mapping[str, Any]]) -> list[Parts]:
    """The architectures of a strategy's replicates, each once."""
    texts = dict.fromkeys(
        row["config"]
        for row in trials
        if row["strategy"] == strategy and row["setup"] in setups and row["stage"] == "replicate"
    )
    return list(dict.fromkeys(tuple(_parts(json.loads(config))) for config in texts))


def _parts(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for section in _SECTIONS:
        for key, value in config.items():
            if key.startswith((f"{section}.", f"{section}[")) and key.endswith(".name"):
                yield key, str(value)


def _label(options: Sequence[Parts], varied: Collection[str]) -> str:
    """What tells an architecture from the others; several where a strategy replicates several."""
    told = (", ".join(text.code(name) for place, name in option if place in varied) or "plain" for option in options)
    return " or ".join(dict.fromkeys(told)) or text.NOTHING


def _table(cross: Cross, where: str, summary: Summary, setup: Setup | None) -> str:
    """One section's; sizes and costs are a setup's alone."""
    reference = _reference(summary.parts[where])
    columns: dict[str, list[str]] = {}
    if setup is not None:
        columns |= _sizes(cross, setup)
        columns[f"CPU a batch,<br>x {cross.base}"] = [_cost(row, cross, setup) for row in cross.rows.values()]
    for pair in cross.columns:
        cells = [_cell(row.get(pair, ()), where, reference, summary) for row in cross.rows.values()]
        columns[_title(*pair)] = cells
    over = "`sum`" if reference == "sum" else "the best baseline"
    first = f"{'sharing' if cross.of_sharing else 'architecture'},<br>over {over}"
    return text.table([first, *columns], zip(cross.rows, *columns.values(), strict=True))


def _title(curriculum: str, balancer: str) -> str:
    """As a strategy of this pair is called that has no label."""
    named = [curriculum] if curriculum != _TOGETHER else []
    return text.code("+".join([*named, *([balancer] if balancer != _PLAIN or not named else [])]))


def _cell(strategies: Sequence[StrategyInfo], where: str, reference: Reference, summary: Summary) -> str:
    shown = {each.name: cell(summary.cells[where, each.name, reference]) for each in strategies}
    if len(shown) < 2:  # noqa: PLR2004 - one needs no name
        return "".join(shown.values())
    return "<br>".join(f"{text.code(name)} {said}" for name, said in shown.items())


def _sizes(cross: Cross, setup: Setup) -> dict[str, list[str]]:
    """How many parameters there are, and how many train where others stay as they are; nothing where nobody knows."""
    found: dict[str, list[str]] = {}
    for quantity in (each for each in QUANTITIES if each.name in _COUNTED):
        every = ([quantity.over_seeds(runs, setup) for runs in _runs(row, setup)] for row in cross.rows.values())
        cells = [_range([each.mean for each in row if each is not None]) for row in every]
        if any(said != text.NOTHING for said in cells) and cells not in found.values():
            found[quantity.title] = cells
    return found


def _range(counts: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(text.count(end) for end in (min(counts), max(counts)))) if counts else text.NOTHING


def _cost(row: Mapping[Pair, Sequence[StrategyInfo]], cross: Cross, setup: Setup) -> str:
    """Over that of the first architecture, over all strategies and seeds that both have."""
    base = cross.rows[cross.base]
    ratios: list[float] = []
    for pair, strategies in row.items():
        for ours in _runs({pair: strategies}, setup):
            for theirs in _runs({pair: base.get(pair, ())}, setup):
                mine, other = common(ours.seeds, theirs.seeds)
                ratios += list(_a_batch(ours)[mine] / _a_batch(theirs)[other])
    finite = np.array(ratios)[np.isfinite(ratios)]
    if not finite.size or row is base:
        return text.NOTHING
    low, median, high = np.quantile(finite, (0.25, 0.5, 0.75))
    return f"{median:.1f} ({low:.1f} to {high:.1f})"


def _a_batch(runs: Runs) -> Floats:
    """CPU seconds of a task batch of each seed [n]; NaN where none ran or nothing was measured."""
    cpu_s, batches = (np.where(runs.per_trial[name] > 0, runs.per_trial[name], np.nan) for name in ("cpu_s", "batches"))
    return runs.over_configurations(cpu_s / batches)


def _runs(row: Mapping[Pair, Sequence[StrategyInfo]], setup: Setup) -> Iterator[Runs]:
    for strategies in row.values():
        for strategy in strategies:
            runs = setup.of(strategy.name)
            if runs is not None:
                yield runs

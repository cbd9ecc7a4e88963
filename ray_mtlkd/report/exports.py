"""The report's numbers as tables, for spreadsheets and other programs."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.sheets import REAL, TEXT, WHOLE, sheet
from ray_mtlkd.report.statistics import Interval
from ray_mtlkd.report.summary import REFERENCES, Summary

_GAINS = {
    **dict.fromkeys(("setup", "strategy", "role", "reference", "reference_strategy", "state"), TEXT),
    **dict.fromkeys(("skill_points", "raw_low_95", "raw_high_95", "low", "high"), REAL),
    "finding": TEXT,
    "seeds": WHOLE,
    **dict.fromkeys(("df", "variance_seeds", "variance_configurations", "variance_rows"), REAL),
    **dict.fromkeys(("gain_percent", "raw_gain_low_95", "raw_gain_high_95", "probability_best", "mean_rank"), REAL),
}
_STRATEGIES = {
    **dict.fromkeys(("setup", "strategy", "role", "quantity"), TEXT),
    **dict.fromkeys(("mean", "low_95", "high_95"), REAL),
    "interval": TEXT,
    "seeds": WHOLE,
}
_CONFIGURATION = {"sweep": TEXT, "setup": TEXT, "strategy": TEXT, "config_index": WHOLE}
_LEFT_OUT = ("stage", "file", "config", "stopped_at", "stalls", "predictions")
_ORDER = ("setup", "strategy", "sweep", "seed", "task_index")


def gains_table(summary: Summary) -> pa.Table:
    """One row a setup (and all setups), strategy and reference."""
    return sheet(_GAINS, _gain_lines(summary))


def _gain_lines(summary: Summary) -> Iterator[Sequence[object]]:
    for setup in summary.sections:
        part = summary.parts[setup]
        for strategy in part.strategies:
            last = [part.chances.get(strategy.name), summary.ranks.get((setup, strategy.name))]
            for reference in REFERENCES:
                cell = summary.cells[setup, strategy.name, reference]
                head = [setup, strategy.name, strategy.role, reference, cell.against or None, cell.state]
                yield [*head, *_difference(cell.skill), *_gain(cell.gain), *last]


def strategies_table(setups: Sequence[Setup]) -> pa.Table:
    """One row a setup, strategy and quantity, of those that there are: mean over seeds with its interval."""
    return sheet(_STRATEGIES, _strategy_lines(setups))


def _strategy_lines(setups: Sequence[Setup]) -> Iterator[Sequence[object]]:
    for setup, quantity in product(setups, QUANTITIES):
        for runs in setup.runs:
            found = quantity.over_seeds(runs, setup)
            if found is not None:
                head = [setup.name, runs.strategy.name, runs.strategy.role, quantity.name]
                yield [*head, found.mean, found.low, found.high, found.method, found.seeds]


def tasks_table(table: pa.Table) -> pa.Table:
    """One row a replicate trial and task, failed ones included, with the record's own column names."""
    lists = [column.name for column in table.schema if pa.types.is_nested(column.type)]
    rows = table.filter(pc.equal(table["stage"], "replicate")).drop_columns([*_LEFT_OUT, *lists])
    return rows.sort_by([(name, "ascending") for name in _ORDER]).replace_schema_metadata()


def configurations_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """One row a configuration of a strategy in a setup, with all its settings.

    Args:
        rows: One a trial, as ``history.trials`` gives them.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in _CONFIGURATION)
        line = found.setdefault(key, {"searched": None, "score": None, "replicates": 0, "config": row["config"]})
        if row["stage"] == "replicate":
            line["replicates"] += 1
        else:
            line.update(searched=row["status"], score=row["score"])
    return sheet(
        {**_CONFIGURATION, "searched": TEXT, "search_score": REAL, "replicates": WHOLE, "config": TEXT},
        (
            [*key, line["searched"], line["score"], line["replicates"], line["config"]]
            for key, line in sorted(found.items())
        ),
    )


def _difference(skill: Contrast | None) -> list[object]:
    if skill is None:
        return [None] * 11
    ends = [*(skill.raw or (None, None)), *(skill.interval or (None, None))]
    variances = [skill.variance[name] for name in ("seeds", "configurations", "rows")]
    return [skill.mean, *ends, skill.finding, skill.seeds, skill.df, *variances]


def _gain(gain: Interval | None) -> list[float | None]:
    return [None] * 3 if gain is None else [gain.mean, gain.low, gain.high]

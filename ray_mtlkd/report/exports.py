"""The report's numbers as CSV, for spreadsheets and other programs."""

import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ray_mtlkd.report import text
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Interval
from ray_mtlkd.report.summary import REFERENCES, Summary

_GAINS = (
    *("setup", "strategy", "role", "reference", "reference_strategy", "state", "skill_points", "raw_low_95"),
    *("raw_high_95", "low", "high", "finding", "seeds", "df", "variance_seeds", "variance_configurations"),
    *("variance_rows", "gain_percent", "raw_gain_low_95", "raw_gain_high_95", "probability_best", "mean_rank"),
)
_STRATEGIES = ("setup", "strategy", "role", "quantity", "mean", "low_95", "high_95", "interval", "seeds")
_CONFIGURATION = ("sweep", "setup", "strategy", "config_index")
_LEFT_OUT = ("stage", "file", "config", "stopped_at", "stalls", "predictions")
_ORDER = ("setup", "strategy", "sweep", "seed", "task_index")


def gains_csv(summary: Summary) -> bytes:
    """One row a setup (and all setups), strategy and reference."""
    return text.csv_file(_GAINS, _gain_lines(summary))


def _gain_lines(summary: Summary) -> Iterator[Sequence[object]]:
    for setup in summary.sections:
        part = summary.parts[setup]
        for strategy in part.strategies:
            last = [_number(part.chances.get(strategy.name)), _number(summary.ranks.get((setup, strategy.name)))]
            for reference in REFERENCES:
                cell = summary.cells[setup, strategy.name, reference]
                head = [setup, strategy.name, strategy.role, reference, cell.against, cell.state]
                yield [*head, *_difference(cell.skill), *_gain(cell.gain), *last]


def strategies_csv(setups: Sequence[Setup]) -> bytes:
    """One row a setup, strategy and quantity, of those that there are: mean over seeds with its interval."""
    return text.csv_file(_STRATEGIES, _strategy_lines(setups))


def _strategy_lines(setups: Sequence[Setup]) -> Iterator[Sequence[object]]:
    for setup, quantity in product(setups, QUANTITIES):
        for runs in setup.runs:
            found = quantity.over_seeds(runs, setup)
            if found is not None:
                numbers = [_number(value) for value in (found.mean, found.low, found.high)]
                head = [setup.name, runs.strategy.name, runs.strategy.role, quantity.name]
                yield [*head, *numbers, found.method, found.seeds]


def tasks_csv(table: pa.Table) -> bytes:
    """One row a replicate trial and task, failed ones included, with the record's own column names."""
    lists = [column.name for column in table.schema if pa.types.is_nested(column.type)]
    rows = table.filter(pc.equal(table["stage"], "replicate")).drop_columns([*_LEFT_OUT, *lists])
    rows = rows.sort_by([(name, "ascending") for name in _ORDER])
    out = io.BytesIO()
    arrow_csv.write_csv(rows, out, arrow_csv.WriteOptions(quoting_style="needed"))
    return out.getvalue()


def configurations_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One row a configuration of a strategy in a setup, with all its settings.

    Args:
        rows: One a trial, as ``history.trials`` gives them.
    """
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = tuple(row[name] for name in _CONFIGURATION)
        line = found.setdefault(key, {"searched": "", "score": None, "replicates": 0, "config": row["config"]})
        if row["stage"] == "replicate":
            line["replicates"] += 1
        else:
            line.update(searched=row["status"], score=row["score"])
    return text.csv_file(
        [*_CONFIGURATION, "searched", "search_score", "replicates", "config"],
        (
            [*key, line["searched"], _number(line["score"]), line["replicates"], line["config"]]
            for key, line in sorted(found.items())
        ),
    )


def _difference(skill: Contrast | None) -> list[str]:
    if skill is None:
        return [""] * 11
    ends = [*(skill.raw or (None, None)), *(skill.interval or (None, None))]
    variances = [skill.variance[name] for name in ("seeds", "configurations", "rows")]
    numbers = [_number(value) for value in (skill.mean, *ends)]
    return [*numbers, skill.finding, str(skill.seeds), *(_number(value) for value in (skill.df, *variances))]


def _gain(gain: Interval | None) -> list[str]:
    return [""] * 3 if gain is None else [_number(value) for value in (gain.mean, gain.low, gain.high)]


def _number(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.6g}"

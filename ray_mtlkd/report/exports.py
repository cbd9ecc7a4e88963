"""The report's numbers as CSV, for spreadsheets and other programs."""

import csv
import io
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from ray_mtlkd.report.quantities import QUANTITIES
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Interval
from ray_mtlkd.report.summary import REFERENCES, Summary

_GAINS = (
    *("setup", "strategy", "role", "reference", "reference_strategy", "state", "gain_percent", "low_95", "high_95"),
    *("interval", "seeds", "share_won", "difference", "mean_rank"),
)
_STRATEGIES = ("setup", "strategy", "role", "quantity", "mean", "low_95", "high_95", "interval", "seeds")
_CONFIGURATION = ("sweep", "setup", "strategy", "config_index")
_LEFT_OUT = ("stage", "warnings", "file", "config", "rungs", "stopped_at", "predictions")
_ORDER = ("setup", "strategy", "sweep", "seed", "task_index")


def gains_csv(summary: Summary) -> bytes:
    """One row a setup (and all setups), strategy and reference."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_GAINS)
    for setup in summary.sections:
        for strategy in summary.strategies[setup]:
            rank = summary.ranks.get((setup, strategy.name))
            for reference in REFERENCES:
                cell = summary.cells[setup, strategy.name, reference]
                head = [setup, strategy.name, strategy.role, reference, cell.against, cell.state]
                writer.writerow([*head, *_numbers(cell.estimate), _number(rank)])
    return out.getvalue().encode()


def strategies_csv(setups: Sequence[Setup]) -> bytes:
    """One row a setup, strategy and quantity, of those that there are: mean over seeds with its interval."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_STRATEGIES)
    for setup, quantity in product(setups, QUANTITIES):
        for runs in setup.runs:
            found = quantity.over_seeds(runs, setup)
            if found is not None:
                numbers = [_number(value) for value in (found.mean, found.low, found.high)]
                head = [setup.name, runs.strategy.name, runs.strategy.role, quantity.name]
                writer.writerow([*head, *numbers, found.method, found.seeds])
    return out.getvalue().encode()


def tasks_csv(table: pa.Table) -> bytes:
    """One row a replicate trial and task, failed ones included, with the record's own column names."""
    rows = table.filter(pc.equal(table["stage"], "replicate")).drop_columns(list(_LEFT_OUT))
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
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_CONFIGURATION, "searched", "search_score", "replicates", "config"])
    for key, line in sorted(found.items()):
        writer.writerow([*key, line["searched"], _number(line["score"]), line["replicates"], line["config"]])
    return out.getvalue().encode()


def _numbers(estimate: Interval | None) -> list[str]:
    if estimate is None:
        return [""] * 7
    ends = [_number(value) for value in (estimate.mean, estimate.low, estimate.high)]
    return [*ends, estimate.method, str(estimate.seeds), _number(estimate.won), estimate.difference]


def _number(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.6g}"

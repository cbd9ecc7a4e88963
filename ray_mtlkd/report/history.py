"""What ran: the searched and chosen configurations, and the trials that failed."""

import json
import re
from collections.abc import Collection, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import pyarrow as pa

from ray_mtlkd.report import text

_TRIAL = ["setup", "strategy", "stage", "sweep", "seed", "config_index", "trial", "status", "config"]
_LONG_NUMBER = re.compile(r"(?<![\w.])-?\d+\.\d{4,}(?![\w.])")
_IMPLIED = {"balancer.name", "curriculum.name"}


def trials(table: pa.Table) -> list[dict[str, Any]]:
    """One row a trial: ``_TRIAL``'s columns, ``error`` and ``score``; in the order of these columns."""
    grouped = table.group_by(_TRIAL).aggregate([("error", "min"), ("score", "max")])
    grouped = grouped.rename_columns([name.removesuffix("_min").removesuffix("_max") for name in grouped.column_names])
    rows: list[dict[str, Any]] = grouped.sort_by([(name, "ascending") for name in _TRIAL]).to_pylist()
    return rows


def searches(rows: Sequence[dict[str, Any]]) -> str:
    """How many configurations each strategy searched, and what the chosen one has that others of the sweep have not."""
    varied = _varied(rows)
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["setup"], row["strategy"]), []).append(row)
    lines = [line for (setup, strategy), mine in groups.items() for line in _searched(mine, varied)]
    header = ["setup", "strategy", "searched", "chosen", "its search score", "its settings"]
    return text.table(header, lines, words=["strategy", "searched", "its settings"])


def failures(rows: Sequence[dict[str, Any]]) -> str:
    """Every failed trial with its error."""
    failed = [row for row in rows if row["status"] != "ok"]
    if not failed:
        return "No trial failed."
    lines = [
        [
            text.plain(row["setup"]),
            text.code(row["strategy"]),
            row["stage"],
            str(row["seed"]),
            text.plain(row["trial"]),
            text.plain(row["error"] or "?"),
        ]
        for row in failed
    ]
    header = ["setup", "strategy", "stage", "seed", "trial", "error"]
    return text.table(header, lines, words=header)


def _searched(rows: Sequence[dict[str, Any]], varied: Collection[str]) -> list[list[str]]:
    searched = [row for row in rows if row["stage"] == "search"]
    failed = {row["config_index"] for row in searched if row["status"] != "ok"}
    tried = {row["config_index"] for row in searched}
    count = f"{len(failed)} of {len(tried)} configurations failed" if failed else str(len(tried))
    head = [text.plain(rows[0]["setup"]), text.code(rows[0]["strategy"]), count]
    chosen = sorted({(row["config_index"], row["config"]) for row in rows if row["stage"] == "replicate"})
    lines = []
    for index, config in chosen:
        scores = [row["score"] for row in searched if row["config_index"] == index and row["score"] is not None]
        settings = [text.code(f"{name}: {_value(value)}") for name, value in _flat(config).items() if name in varied]
        score = text.number(fmean(scores) if scores else np.nan, 4)
        lines.append([*head, str(index), score, text.listed(settings)])
    return lines or [[*head, text.NOTHING, text.NOTHING, text.NOTHING]]


def _varied(rows: Sequence[dict[str, Any]]) -> set[str]:
    """Settings with more than one value among all configurations, but those that the strategy's name tells."""
    first: dict[str, Any] = {}
    varied: set[str] = set()
    for config in {row["config"] for row in rows}:
        for name, value in _flat(config).items():
            known = first.setdefault(name, value)
            if known != value or type(known) is not type(value):
                varied.add(name)
    return varied - _IMPLIED


def _flat(config: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(config)
    return found


def _value(value: object) -> str:
    """A setting, its numbers in at most four digits; exact ones are in `configurations.csv`."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return _LONG_NUMBER.sub(lambda found: f"{float(found[0]):.4g}", str(value))

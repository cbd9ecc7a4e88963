"""What ran: the searched and chosen configurations, and the trials that failed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup

_TRIAL = ["setup", "strategy", "stage", "sweep", "seed", "config_index", "trial", "status", "config"]


def trials(table: pa.Table) -> list[dict[str, Any]]:
    """One row a trial: ``_TRIAL``'s columns, ``error`` and ``score``; in the order of these columns."""
    grouped = table.group_by(_TRIAL).aggregate([("error", "min"), ("score", "max")])
    grouped = grouped.rename_columns([name.removesuffix("_min").removesuffix("_max") for name in grouped.column_names])
    rows: list[dict[str, Any]] = grouped.sort_by([(name, "ascending") for name in _TRIAL]).to_pylist()
    return rows


def searches(rows: Sequence[dict[str, Any]]) -> str:
    """How many configurations each strategy searched, and which one was chosen."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["setup"], row["strategy"]), []).append(row)
    lines = [line for (setup, strategy), mine in groups.items() for line in _searched(setup, strategy, mine)]
    header = ["setup", "strategy", "searched", "failed", "chosen", "its search score", "its configuration"]
    return text.table(header, lines, words=["strategy", "its configuration"])


def unequal_searches(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A warning for each setup whose strategies did not search equally many configurations."""
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        setup = counts.setdefault(row["setup"], {})
        setup[row["strategy"]] = setup.get(row["strategy"], 0) + (row["stage"] == "search")
    return [
        f"{setup}: not every strategy searched as many configurations: "
        + ", ".join(f"{strategy} {number}" for strategy, number in found.items())
        for setup, found in counts.items()
        if len(set(found.values())) > 1
    ]


def failures(rows: Sequence[dict[str, Any]]) -> str:
    """Every failed trial with its error."""
    failed = [row for row in rows if row["status"] == "failed"]
    if not failed:
        return "No trial failed."
    lines = [
        [row["setup"], text.code(row["strategy"]), row["stage"], str(row["seed"]), row["trial"], row["error"] or "?"]
        for row in failed
    ]
    header = ["setup", "strategy", "stage", "seed", "trial", "error"]
    return text.table(header, lines, words=header)


def missing_seeds(setups: Sequence[Setup]) -> list[str]:
    """A sentence for each strategy that lacks seeds which others of its sweeps ran."""
    said = []
    for setup in setups:
        for runs in setup.runs:
            if runs.missing:
                seeds = text.listed(str(seed) for _, seed in runs.missing)
                name, total = text.code(runs.strategy.name), len(runs.keys) + len(runs.missing)
                said.append(
                    f"{setup.name}: {name} has {len(runs.keys)} of {total} seeds (without {seeds}); it is compared "
                    "only on the seeds that it shares with the reference"
                )
    return said


def _searched(setup: str, strategy: str, rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    searched = [row for row in rows if row["stage"] == "search"]
    failed = sum(row["status"] == "failed" for row in searched)
    head = [setup, text.code(strategy), str(len(searched)), str(failed)]
    chosen = sorted({(row["config_index"], row["config"]) for row in rows if row["stage"] == "replicate"})
    lines = []
    for index, config in chosen:
        scores = [row["score"] for row in searched if row["config_index"] == index and row["score"] is not None]
        lines.append([*head, str(index), text.number(max(scores, default=np.nan), 4), text.code(config)])
    return lines or [[*head, text.NOTHING, text.NOTHING, text.NOTHING]]

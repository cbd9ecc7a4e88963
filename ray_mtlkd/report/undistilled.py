"""Distilling strategies that never distilled: their trials ended before any task was relabelled."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records

_WITHOUT = {"joint_kd": "sum", "sequential_kd": "sequential"}
"""What a curriculum does until the first task converges, under the balancer `sum`."""


def undistilled(records: Records) -> list[str]:
    """A sentence for each setup and distilling strategy whose replicate trials never relabelled a task."""
    table = records.table
    for column, value in (("role", "kd"), ("stage", "replicate"), ("status", "ok")):
        table = table.filter(pc.equal(table[column], value))
    columns = ["setup", "strategy", "curriculum", "balancer"]
    kinds = table.group_by(columns).aggregate([("converged_step", "count"), ("trial", "distinct")])
    rows = kinds.sort_by([(name, "ascending") for name in columns]).to_pylist()
    relabelled = _relabelled(records, table) if rows else set()
    return [_said(row) for row in rows if not relabelled.intersection(row["trial_distinct"])]


def _relabelled(records: Records, table: pa.Table) -> set[str]:
    found = records.curves(table["trial"].unique().to_pylist()).select(["trial", "events"]).to_pylist()
    return {row["trial"] for row in found if any(event["kind"] == "relabel" for event in row["events"])}


def _said(row: dict[str, Any]) -> str:
    what = "was relabelled" if row["converged_step_count"] else "converged"
    like = _like(row["curriculum"], row["balancer"])
    return (
        f"{row['setup']}: no task {what} within the budget, so {text.code(row['strategy'])} trained "
        f"{f'like {text.code(like)}' if like else 'without distillation'}"
    )


def _like(curriculum: str, balancer: str) -> str:
    plain = _WITHOUT.get(curriculum, "")
    if balancer == "sum" or not plain:
        return plain
    return balancer if plain == "sum" else f"{plain}+{balancer}"

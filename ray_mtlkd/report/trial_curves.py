"""The curves of single trials, as the paper's figure draws them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats

_FAINT_SEEDS = 9
"""More thin lines than this hide each other."""


@dataclass(frozen=True, kw_only=True)
class TrialCurves:
    """What is drawn as one colour-coded bundle of lines."""

    sweep: str
    trial: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """One task of one trial.

    Attributes:
        batches: Task batches that the trial had spent at each evaluation [E], ascending.
        skill: On validation [E]; NaN while the task waits.
        distilling: Whether the task's targets were soft labels [E].
        phases: The task's phase after each evaluation [E], as records name it.
        weights: Its mean weight in the shared gradient since the evaluation before [E]; NaN where it took no batch.
        conflicts: Share of its meetings with other tasks in which their gradients conflicted, likewise [E]; NaN where
            nobody measured any.
        trained: Whether the task was ever evaluated: one that starts at the last evaluation takes no step any more.
        switches: Task batches at which the task was relabelled.
        rewinds: Task batches at which the model went back.
    """

    task: str
    batches: Floats
    skill: Floats
    distilling: npt.NDArray[np.bool_]
    phases: tuple[str, ...]
    weights: Floats
    conflicts: Floats
    trained: bool
    switches: Floats
    rewinds: Floats


def trials_of(setup: Setup, table: pa.Table) -> dict[str, list[TrialCurves]]:
    """Finished replicate trials of each strategy that has some, by seed, at most ten."""
    wanted = {"setup": setup.name, "stage": "replicate", "status": "ok", "task_index": 0}
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    rows = table.sort_by([("seed", "ascending"), ("sweep", "ascending")])
    found: dict[str, list[TrialCurves]] = {}
    for row in rows.select(["strategy", "sweep", "trial", "seed"]).to_pylist():
        found.setdefault(row.pop("strategy"), []).append(TrialCurves(**row))
    return {strategy: trials[: _FAINT_SEEDS + 1] for strategy, trials in found.items()}


def lines_of(records: Records, trials: Sequence[TrialCurves]) -> dict[TrialCurves, list[Line]]:
    """The curves of these trials, task by task."""
    names = pa.array([trial.trial for trial in trials], type=pa.string())
    flat = records.table.filter(pc.is_in(records.table["trial"], names))
    columns = ["sweep", "trial", "task", "trivial", "perfect"]
    scales = {tuple(row.values())[:3]: tuple(row.values())[3:] for row in flat.select(columns).to_pylist()}
    wanted = {(trial.sweep, trial.trial): trial for trial in trials}
    found: dict[TrialCurves, dict[str, Line]] = {trial: {} for trial in trials}
    for row in records.curves([trial.trial for trial in trials]).to_pylist():
        trial = wanted.get((row["sweep"], row["trial"]))
        if trial is not None:
            trivial, perfect = scales[row["sweep"], row["trial"], row["task"]]
            found[trial][row["task"]] = _line(row, trivial=trivial, perfect=perfect)
    return {trial: list(lines.values()) for trial, lines in found.items()}


def _line(row: dict[str, Any], *, trivial: float, perfect: float) -> Line:
    points, events = row["curve"], row["events"]
    valid = np.array([point["valid"] for point in points], dtype=np.float64)
    room = perfect - trivial
    return Line(
        task=row["task"],
        batches=np.array([point["batches"] for point in points], dtype=np.float64),
        skill=(valid - trivial) / room if room else np.full(len(points), np.nan),
        distilling=np.array([point["phase"] == "distilling" for point in points], dtype=np.bool_),
        phases=tuple(point["phase"] for point in points),
        weights=np.array([point["weight"] for point in points], dtype=np.float64),
        conflicts=np.array([point["conflict"] for point in points], dtype=np.float64),
        trained=not points or any(point["valid"] is not None for point in points),
        switches=np.array([event["batches"] for event in events if event["kind"] == "relabel"], dtype=np.float64),
        rewinds=np.array([event["batches"] for event in events if event["kind"] == "rewind"], dtype=np.float64),
    )

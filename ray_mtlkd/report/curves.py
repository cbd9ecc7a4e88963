"""The paper's figure: validation curves of all tasks, one panel a strategy, with the steps at which targets switch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from ray_mtlkd.report.figures import PALETTE
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats

_PANELS = ("sum", "joint_kd", "sequential_kd")
_FAINT_SEEDS = 9
"""More thin lines than this hide each other."""
_FLOOR = -0.1
"""Skill below this is drawn at the panel's edge: early regression metrics can lie far below the trivial predictor's."""


@dataclass(frozen=True, kw_only=True)
class _Trial:
    """What is drawn as one colour-coded bundle of lines."""

    sweep: str
    trial: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class _Line:
    """One task of one trial.

    Attributes:
        batches: Task batches that the trial had spent at each evaluation [E], ascending.
        skill: On validation [E]; NaN while the task waits.
        distilling: Whether the task's targets were soft labels [E].
        switches: Task batches at which the task was relabelled.
        rewinds: Task batches at which the model went back.
    """

    task: str
    batches: Floats
    skill: Floats
    distilling: npt.NDArray[np.bool_]
    switches: Floats
    rewinds: Floats


def draw_curves(setup: Setup, records: Records) -> Figure | None:
    """Skill on validation by task batches spent; None where none of the three strategies has a curve.

    The lowest seed of each strategy is drawn strongly, up to nine others faintly.
    """
    panels = {name: trials for name in _PANELS if (trials := _trials(setup, records.table, name))}
    lines = _lines(records, [trial for trials in panels.values() for trial in trials])
    if not any(np.isfinite(line.skill).any() for found in lines.values() for line in found):
        return None
    figure = Figure(figsize=(0.6 + 3.1 * len(panels), 3.9), layout="constrained")
    axes = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    colors = {task.name: PALETTE[at % len(PALETTE)] for at, task in enumerate(setup.tasks)}
    for axis, (name, (strong, *faint)) in zip(axes, panels.items(), strict=True):
        for trial in faint:
            for line in lines[trial]:
                axis.plot(line.batches, line.skill, color=colors[line.task], alpha=0.18, linewidth=0.8)
        for line in lines[strong]:
            _draw(axis, line, colors[line.task])
        axis.set_title(f"{name} (seed {strong.seed})")
        axis.grid(visible=True, color="0.93")
        axis.set_xlabel("task batches spent")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(max(low, _FLOOR), high)
    axes[0].set_ylabel("validation skill")
    _legend(figure, setup, colors, rewinds=any(len(each.rewinds) for found in lines.values() for each in found))
    return figure


def _trials(setup: Setup, table: pa.Table, strategy: str) -> list[_Trial]:
    """The strategy's finished replicate trials by seed, at most ten."""
    wanted = {"setup": setup.name, "strategy": strategy, "stage": "replicate", "status": "ok", "task_index": 0}
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    rows = table.sort_by([("seed", "ascending"), ("sweep", "ascending")]).select(["sweep", "trial", "seed"])
    return [_Trial(**row) for row in rows.slice(0, _FAINT_SEEDS + 1).to_pylist()]


def _lines(records: Records, trials: Sequence[_Trial]) -> dict[_Trial, list[_Line]]:
    """The curves of these trials, task by task."""
    names = pa.array([trial.trial for trial in trials], type=pa.string())
    flat = records.table.filter(pc.is_in(records.table["trial"], names))
    columns = ["sweep", "trial", "task", "trivial", "perfect"]
    scales = {tuple(row.values())[:3]: tuple(row.values())[3:] for row in flat.select(columns).to_pylist()}
    wanted = {(trial.sweep, trial.trial): trial for trial in trials}
    found: dict[_Trial, dict[str, _Line]] = {trial: {} for trial in trials}
    for row in records.curves([trial.trial for trial in trials]).to_pylist():
        trial = wanted.get((row["sweep"], row["trial"]))
        if trial is not None:
            trivial, perfect = scales[row["sweep"], row["trial"], row["task"]]
            found[trial][row["task"]] = _line(row, trivial=trivial, perfect=perfect)
    return {trial: list(lines.values()) for trial, lines in found.items()}


def _line(row: dict[str, Any], *, trivial: float, perfect: float) -> _Line:
    points, events = row["curve"], row["events"]
    valid = np.array([point["valid"] for point in points], dtype=np.float64)
    room = perfect - trivial
    return _Line(
        task=row["task"],
        batches=np.array([point["batches"] for point in points], dtype=np.float64),
        skill=(valid - trivial) / room if room else np.full(len(points), np.nan),
        distilling=np.array([point["phase"] == "distilling" for point in points], dtype=np.bool_),
        switches=np.array([event["batches"] for event in events if event["kind"] == "relabel"], dtype=np.float64),
        rewinds=np.array([event["batches"] for event in events if event["kind"] == "rewind"], dtype=np.float64),
    )


def _draw(axis: Any, line: _Line, color: str) -> None:
    """Solid under labels, dashed while distilling, a ring at each switch, a dotted upright at each rewind."""
    soft = np.where(line.distilling, line.skill, np.nan)
    before = ~line.distilling | np.append(False, ~line.distilling[:-1])  # the switch itself belongs to both
    hard = np.where(before[: len(line.skill)], line.skill, np.nan)
    axis.plot(line.batches, hard, color=color, linewidth=1.7)
    axis.plot(line.batches, soft, color=color, linewidth=1.7, linestyle=(0, (2.2, 0.9)))
    for batches in line.rewinds:
        axis.axvline(batches, color="0.45", linewidth=0.9, linestyle=":", zorder=1)
    known = np.isfinite(line.skill)
    if known.any() and len(line.switches):
        heights = np.interp(line.switches, line.batches[known], line.skill[known])
        axis.plot(line.switches, heights, "o", color=color, markerfacecolor="white", markersize=6, zorder=4)


def _legend(figure: Figure, setup: Setup, colors: dict[str, str], *, rewinds: bool) -> None:
    handles = [
        Line2D([], [], color=colors[task.name], linewidth=1.7, label=f"{task.name} ({task.metric})")
        for task in setup.tasks
    ]
    handles.append(Line2D([], [], linestyle=(0, (2.2, 0.9)), label="distilling", color="0.3", linewidth=1.7))
    handles.append(
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white", label="switch to soft labels", color="0.3")
    )
    if rewinds:
        handles.append(Line2D([], [], color="0.45", linewidth=0.9, linestyle=":", label="rewind"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)

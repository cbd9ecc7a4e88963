"""The paper's figure: validation curves of all tasks, one panel a strategy, with the steps at which targets switch."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter

from ray_mtlkd.report.figures import LEGEND_ROW, PALETTE, Frame, drawn
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.trial_curves import Line, lines_of, trials_of

_ALWAYS = ("sum", "joint_kd", "sequential_kd")
_FLOOR = -0.1
"""Skill below this is drawn at the panel's edge: early regression metrics can lie far below the trivial predictor's."""


_COLUMNS = 3
_LEGEND_COLUMNS = 4
_FAINT = 0.18


def draw_curves(setup: Setup, records: Records, *, also: Sequence[str] = ()) -> Figure | None:
    """Skill on validation by task batches spent; None where no panel has a curve.

    The lowest seed of each strategy is drawn strongly, up to nine others faintly.

    Args:
        also: Strategies with a panel beside the paper's three.
    """
    names = tuple(dict.fromkeys((*_ALWAYS, *also)))
    known = trials_of(setup, records.table)
    panels = {name: known[name] for name in names if name in known}
    lines = lines_of(records, [trial for trials in panels.values() for trial in trials])
    if not any(np.isfinite(line.skill).any() for found in lines.values() for line in found):
        return None
    colors = {task.name: PALETTE[at % len(PALETTE)] for at, task in enumerate(setup.tasks)}
    rewinds = any(len(each.rewinds) for found in lines.values() for each in found)
    handles = _handles(setup, colors, rewinds=rewinds, faint=any(len(trials) > 1 for trials in panels.values()))
    figure, axes = _panels(len(panels), legend=LEGEND_ROW * -(-len(handles) // _LEGEND_COLUMNS))
    figure.legend(handles=handles, loc="lower center", ncols=_LEGEND_COLUMNS, fontsize=8)
    for axis, (name, (strong, *faint)) in zip(axes, panels.items(), strict=True):
        for trial in faint:
            for line in lines[trial]:
                axis.plot(line.batches, line.skill, color=colors[line.task], alpha=_FAINT, linewidth=0.8)
        for line in lines[strong]:
            _draw(axis, line, colors[line.task])
        _tell_untrained(axis, lines[strong])
        axis.set_title(f"{drawn(name)} (seed {strong.seed})")
    low, high = axes[0].get_ylim()
    axes[0].set_ylim(max(low, _FLOOR), high)
    return figure


def _panels(count: int, *, legend: float) -> tuple[Figure, list[Any]]:
    """At most three panels a row, with shared axes, above so many inches of legend."""
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    figure, grid = Frame(left=0.6, bottom=0.55 + legend, down=0.4).panels([2.6] * rows, [2.9] * columns, share="all")
    axes = list(grid.flat)
    for spare in axes[count:]:
        spare.remove()
    for at, axis in enumerate(axes[:count]):
        axis.grid(visible=True, color="0.93")
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        if at + columns >= count:
            axis.set_xlabel("task batches spent")
            axis.tick_params(labelbottom=True)
        if at % columns == 0:
            axis.set_ylabel("validation skill")
    return figure, axes[:count]


def _tell_untrained(axis: Any, lines: Sequence[Line]) -> None:
    late = [line.task for line in lines if not line.trained]
    if late:
        said = textwrap.fill(f"never trained: {', '.join(map(drawn, late))}", 40)
        axis.text(0.98, 0.02, said, transform=axis.transAxes, ha="right", va="bottom", fontsize=7, color="0.35")


def _draw(axis: Any, line: Line, color: str) -> None:
    """Solid under labels, dashed while distilling, a ring at each switch, a dotted upright at each rewind."""
    soft = np.where(line.distilling, line.skill, np.nan)
    before = ~line.distilling | np.append(False, ~line.distilling[:-1])  # the switch itself belongs to both
    hard = np.where(before[: len(line.skill)], line.skill, np.nan)
    axis.plot(line.batches, hard, color=color, linewidth=1.7)
    axis.plot(line.batches, soft, color=color, linewidth=1.7, linestyle=(0, (2.2, 0.9)))
    for batches in line.rewinds:
        axis.axvline(batches, color="0.45", linewidth=0.9, linestyle=":", zorder=1)
    known = np.isfinite(line.skill)
    if known.sum() == 1:  # one point makes no line
        axis.plot(line.batches[known], line.skill[known], ".", color=color, markersize=6)
    if known.any() and len(line.switches):
        heights = np.interp(line.switches, line.batches[known], line.skill[known])
        axis.plot(line.switches, heights, "o", color=color, markerfacecolor="white", markersize=6, zorder=4)


def _handles(setup: Setup, colors: dict[str, str], *, rewinds: bool, faint: bool) -> list[Line2D]:
    """What the legend tells."""
    handles = [
        Line2D([], [], color=colors[task.name], linewidth=1.7, label=f"{drawn(task.name)} ({drawn(task.metric)})")
        for task in setup.tasks
    ]
    handles.append(Line2D([], [], linestyle=(0, (2.2, 0.9)), label="distilling", color="0.3", linewidth=1.7))
    handles.append(
        Line2D([], [], marker="o", linestyle="", markerfacecolor="white", label="switch to soft labels", color="0.3")
    )
    if faint:
        handles.append(Line2D([], [], color="0.3", alpha=2 * _FAINT, linewidth=0.8, label="other seeds"))
    if rewinds:
        handles.append(Line2D([], [], color="0.45", linewidth=0.9, linestyle=":", label="rewind"))
    return handles

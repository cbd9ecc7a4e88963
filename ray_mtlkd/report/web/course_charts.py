"""Charts of how training went: curves and phases of tasks, of one trial of each strategy."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from ray_mtlkd.report.figures import PALETTE
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.trial_curves import Line, lines_of, trials_of
from ray_mtlkd.report.web.chart import COLORS, GREY, LEGEND, TALL, Chart, View, chart, numbers

_PHASES = {"waiting": GREY, "labels": PALETTE[0], "distilling": PALETTE[1], "stopped": PALETTE[3]}
"""In the order in which a task may go through them."""
_ROW, _FRAME = 30, 190
"""Pixels of a task's row, and of what is around the rows."""
SPENT = {"title": {"text": "task batches spent"}, "rangemode": "tozero"}
"""The axis along which training goes."""
_CURVES = """\
Solid while a task learns from its labels, dotted while it **distils** (learns from the predictions of its own
best model, its teacher); a star is where it switches. A **task batch** is one batch of one task, so that
strategies stand side by side at equal cost. Click a task in the legend to see it alone."""
_PHASES_SAID = """\
From the first evaluation on. **waiting**: the task's turn has not come. **labels**: it learns from its labels.
**distilling**: from its teacher's predictions. **stopped**: it takes no batches any more."""
Courses = Mapping[str, tuple[int, Sequence[Line]]]
"""Of each strategy with curves: the lowest seed that it finished, and its tasks."""


def courses(setup: Setup, records: Records) -> Courses:
    """One trial of each strategy, in the order of the tables."""
    known = trials_of(setup, records.table)
    names = [runs.strategy.name for runs in setup.runs]
    first = {name: known[name][0] for name in names if name in known}
    lines = lines_of(records, list(first.values()))
    return {name: (trial.seed, lines[trial]) for name, trial in first.items() if lines[trial]}


def curves_chart(setup: Setup, found: Courses) -> Chart | None:
    """Validation curves, a view a strategy."""
    colors = task_colors(setup)
    views = [
        View(
            name=f"{name} (seed {seed})",
            traces=[trace for line in lines for trace in _curve(line, colors[line.task])],
            layout={},
        )
        for name, (seed, lines) in found.items()
        if any(np.isfinite(line.skill).any() for line in lines)
    ]
    return chart(
        f"Validation curves of {setup.name}",
        views,
        said=_CURVES,
        **with_legend(xaxis=SPENT, yaxis={"title": {"text": "skill on validation"}}),
    )


def phases_chart(setup: Setup, found: Courses) -> Chart | None:
    """What each task did and when, a view a strategy; None where all tasks learn from labels all along."""
    views = []
    for name, (seed, lines) in found.items():
        stretches = [stretch for line in lines for stretch in _stretches(line)]
        if {phase for _, phase, *_ in stretches} - {"labels"}:
            traces = [_bars(phase, [each for each in stretches if each[1] == phase]) for phase in _PHASES]
            views.append(View(name=f"{name} (seed {seed})", traces=[each for each in traces if each["y"]], layout={}))
    order = [task.name for task in reversed(setup.tasks)]
    return chart(
        f"Phases of the tasks of {setup.name}",
        views,
        said=_PHASES_SAID,
        barmode="overlay",
        **with_legend(
            xaxis=SPENT,
            yaxis={"type": "category", "categoryorder": "array", "categoryarray": order, "automargin": True},
        )
        | {"height": _FRAME + _ROW * len(order)},
    )


def task_colors(setup: Setup) -> dict[str, str]:
    """A colour of each task, by name."""
    return {task.name: COLORS[at % len(COLORS)] for at, task in enumerate(setup.tasks)}


def with_legend(**axes: Any) -> dict[str, Any]:
    """The layout of a chart with these axes and a legend of tasks."""
    return {**axes, "showlegend": True, "legend": LEGEND, "height": TALL}


def _stretches(line: Line) -> list[tuple[str, str, float, float]]:
    """Task, phase, beginning and end of each stretch of one phase, in task batches."""
    found, at = [], 0
    for phase, points in groupby(line.phases):
        last = min(at + len(list(points)), len(line.phases) - 1)
        if last > at:  # what begins at the last evaluation has no length
            found.append((line.task, phase, float(line.batches[at]), float(line.batches[last])))
        at = last
    return found


def _bars(phase: str, stretches: Sequence[tuple[str, str, float, float]]) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": phase,
        "y": [task for task, *_ in stretches],
        "base": [start for *_, start, _ in stretches],
        "x": [end - start for *_, start, end in stretches],
        "width": 0.6,
        "marker": {"color": _PHASES[phase]},
        "customdata": [[start, end] for *_, start, end in stretches],
        "hovertemplate": f"%{{y}}: {phase} from %{{customdata[0]}} to %{{customdata[1]}} batches<extra></extra>",
    }


def _curve(line: Line, color: str) -> list[dict[str, Any]]:
    """A task's curve, dotted where it distils, with a star where it switched."""
    finite = np.isfinite(line.skill)
    if not finite.any():
        return []
    common_part = {"type": "scatter", "legendgroup": line.task, "name": line.task}
    found = []
    for part, dash, legend in ((~line.distilling, "solid", True), (line.distilling, "dot", False)):
        # The stretches meet: the evaluation at which a stretch begins also ends the one before.
        here = part | np.append(False, part[:-1] & ~part[1:]) if dash == "solid" else part
        if not (here & finite).any():
            continue
        values = np.where(here & finite, line.skill, np.nan)
        found.append(
            {
                **common_part,
                "mode": "lines",
                "x": line.batches.tolist(),
                "y": numbers(values),
                "line": {"color": color, "dash": dash},
                "showlegend": legend,
                "hovertemplate": "%{fullData.name}: %{y} after %{x} batches<extra></extra>",
            }
        )
    switches = np.interp(line.switches, line.batches[finite], line.skill[finite])
    if len(switches):
        found.append(
            {
                **common_part,
                "mode": "markers",
                "x": line.switches.tolist(),
                "y": numbers(switches),
                "marker": {"symbol": "star", "size": 13, "color": color},
                "showlegend": False,
                "hovertemplate": "%{fullData.name} switches to its teacher's labels<extra></extra>",
            }
        )
    return found

"""Charts of the shared step over training: what tasks count in it and how often they conflict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.report.trial_curves import Line
from ray_mtlkd.report.web.chart import GREY, Chart, View, chart, numbers
from ray_mtlkd.report.web.course_charts import SPENT, Courses, task_colors, with_legend

_WEIGHTS = """\
What a task's gradient counts in the step of the shared parameters, on average since the evaluation before; 1
each is the plain sum."""
_CONFLICTS = """\
How often the gradients of the shared parameters pull against each other, since the evaluation before: of the steps in
which a task and another one learned from labels, the share in which their gradients had a **cosine below 0**. Near 0
a task goes with the others; 0.5, the dotted line, is what gradients that have nothing to do with each other come to by
chance. A task has no number while it distils, or no other one learns from labels."""
_CHANCE = {
    "type": "line",
    "xref": "paper",
    "x0": 0,
    "x1": 1,
    "y0": 0.5,
    "y1": 0.5,
    "line": {"color": GREY, "dash": "dot", "width": 1},
}


def weights_chart(setup: Setup, found: Courses) -> Chart | None:
    """Weights of the tasks, a view a strategy; None where they are 1 throughout."""
    colors = task_colors(setup)
    views, even = [], []
    for name, (seed, lines) in found.items():
        known = np.concatenate([line.weights[np.isfinite(line.weights)] for line in lines])
        if len(known) and not np.allclose(known, 1.0):
            traces = [_course(line, line.weights, colors) for line in lines if np.isfinite(line.weights).any()]
            views.append(View(name=f"{name} (seed {seed})", traces=traces, layout={}))
        elif len(known):
            even.append(text.code(name))
    rest = f" Not drawn: {', '.join(even)}, whose tasks count 1 throughout." if even else ""
    return chart(
        f"Weights of the tasks of {setup.name}",
        views,
        said=_WEIGHTS + rest,
        **with_legend(xaxis=SPENT, yaxis={"title": {"text": "weight in the shared step"}, "rangemode": "tozero"}),
    )


def conflicts_chart(setup: Setup, found: Courses) -> Chart | None:
    """How often tasks' gradients conflict, a view a strategy; None where no trial has measured any."""
    colors = task_colors(setup)
    views, unmeasured = [], []
    for name, (seed, lines) in found.items():
        traces = [_course(line, line.conflicts, colors) for line in lines if np.isfinite(line.conflicts).any()]
        if traces:
            views.append(View(name=f"{name} (seed {seed})", traces=traces, layout={}))
        else:
            unmeasured.append(text.code(name))
    rest = f" Not measured: {', '.join(unmeasured)}." if unmeasured else ""
    return chart(
        f"Conflicts between the tasks of {setup.name}",
        views,
        said=_CONFLICTS + rest,
        shapes=[_CHANCE],
        **with_legend(xaxis=SPENT, yaxis={"title": {"text": "share of conflicts"}, "range": [0, 1]}),
    )


def _course(line: Line, values: Floats, colors: Mapping[str, str]) -> dict[str, Any]:
    """What a task had at each evaluation."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": line.task,
        "x": line.batches.tolist(),
        "y": numbers(values),
        "line": {"color": colors[line.task]},
        "marker": {"size": 4},
        "hovertemplate": "%{fullData.name}: %{y} after %{x} batches<extra></extra>",
    }

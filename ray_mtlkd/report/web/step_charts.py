"""Charts of the shared step over training: what tasks count in it and how often they conflict."""

from collections.abc import Callable, Collection, Mapping, Sequence
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
    even = {name for name, (_, lines) in found.items() if _even(lines)}
    drawn = {name: course for name, course in found.items() if name not in even}
    rest = f" Not drawn: {_names(found, even)}, whose tasks count 1 throughout." if even else ""
    return chart(
        f"Weights of the tasks of {setup.name}",
        _views(setup, drawn, lambda line: line.weights),
        said=_WEIGHTS + rest,
        **with_legend(xaxis=SPENT, yaxis={"title": {"text": "weight in the shared step"}, "rangemode": "tozero"}),
    )


def conflicts_chart(setup: Setup, found: Courses) -> Chart | None:
    """How often tasks' gradients conflict, a view a strategy; None where no trial has measured any."""
    measured = {
        name: course for name, course in found.items() if any(np.isfinite(line.conflicts).any() for line in course[1])
    }
    rest = f" Not measured: {_names(found, found.keys() - measured.keys())}." if len(measured) < len(found) else ""
    return chart(
        f"Conflicts between the tasks of {setup.name}",
        _views(setup, measured, lambda line: line.conflicts),
        said=_CONFLICTS + rest,
        shapes=[_CHANCE],
        **with_legend(xaxis=SPENT, yaxis={"title": {"text": "share of conflicts"}, "range": [0, 1]}),
    )


def _even(lines: Sequence[Line]) -> bool:
    """Whether tasks that count in the step count 1 throughout."""
    weights = np.concatenate([line.weights for line in lines])
    known = weights[np.isfinite(weights)]
    return len(known) > 0 and np.allclose(known, 1.0)


def _views(setup: Setup, found: Courses, values: Callable[[Line], Floats]) -> list[View]:
    """A view a strategy, of the tasks that have such values at all."""
    colors = task_colors(setup)
    views = []
    for name, (seed, lines) in found.items():
        traces = [_course(line, values(line), colors) for line in lines if np.isfinite(values(line)).any()]
        if traces:
            views.append(View(name=f"{name} (seed {seed})", traces=traces, layout={}))
    return views


def _names(found: Courses, some: Collection[str]) -> str:
    return ", ".join(text.code(name) for name in found if name in some)


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

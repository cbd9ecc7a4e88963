"""Charts of how strategies stand: who is ahead, on which tasks, and at what cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report.gains import changes
from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.statistics import estimate, mean_of_finite
from ray_mtlkd.report.summary import Reference, Summary
from ray_mtlkd.report.web.chart import GREY, TALL, Chart, View, chart, color_of, rounded

_REFERENCES: Mapping[Reference, str] = {
    "sum": "over sum",
    "best_baseline": "over the best baseline",
    "single_task": "over one model a task",
}
_BAR = {"color": GREY, "thickness": 2, "width": 0}
_FOREST = """\
A point is a strategy's mean over seeds, its bar the interval that holds together with all others of the report.
A filled point is told from 0 (or shown to be as good as the reference); a hollow one is not told. **Skill** is
how far a metric is between the predictor that knows only the labels (0) and perfect (100 points)."""
_TASKS = """\
Each task in its own metric, with intervals as above. Left of 0, the task loses by being trained so: **negative
transfer**."""
_COST = (
    "Up is better, left is cheaper. CPU seconds are those of a trial's own process, teachers that it trains included."
)
_ROW, _FRAME = 26, 150
"""Pixels of a strategy's row, and of what is around the rows."""


def gains_chart(summary: Summary) -> Chart | None:
    """Each strategy's difference in mean skill with its interval, a view a setup and reference."""
    views = []
    for where in summary.sections:
        for reference, words in _REFERENCES.items():
            cells = {each: summary.cells[where, each.name, reference] for each in summary.strategies(where)}
            found = {each: cell.skill for each, cell in cells.items() if cell.skill is not None}
            if not found:
                continue
            order = sorted(found, key=lambda each: found[each].mean)
            rows = [_ForestRow.of(each, found[each].mean, found[each].interval, found[each].finding) for each in order]
            views.append(_forest(f"{where}: {words}", rows, unit="points of mean skill on test"))
    return chart("How far each strategy is ahead, with its interval", views, said=_FOREST)


def tasks_chart(setup: Setup) -> Chart | None:
    """Each strategy's difference from ``sum`` in a task's own metric, a view a task."""
    base = setup.of("sum")
    others = [runs for runs in setup.runs if runs.strategy.name != "sum" and runs.keys]
    if base is None or not others:
        return None
    change = {runs.strategy.name: changes(runs, base, setup=setup) for runs in others}
    views = []
    for at, task in enumerate(setup.tasks):
        rows = []
        for runs in others:
            values = change[runs.strategy.name][:, at]
            if any(task.name in names for names in runs.untrained) or not len(values) or not np.isfinite(values).all():
                continue
            found = estimate(values, family=len(others) * len(setup.tasks))
            ends = None if found.low is None or found.high is None else (found.low, found.high)
            shown = "cannot tell" if found.difference == "not shown" else found.difference
            rows.append(_ForestRow.of(runs.strategy, found.mean, ends, shown))
        rows.sort(key=lambda row: row.mean)
        if rows:
            views.append(_forest(task.name, rows, unit=f"{task.metric} on test over sum, right is better"))
    return chart(f"What each strategy does to the tasks of {setup.name}", views, said=_TASKS)


def cost_chart(setup: Setup, summary: Summary) -> Chart | None:
    """Mean skill on test by CPU seconds of a trial."""
    skills = summary.parts[setup.name].skills
    means = dict(zip(skills.strategies, mean_of_finite(skills.test, axis=(1, 2)), strict=True))
    shown = [runs for runs in setup.runs if runs.keys and np.isfinite(means.get(runs.strategy.name, np.nan))]
    if len(shown) <= 1:
        return None
    names = [runs.strategy.name for runs in shown]
    trace = {
        "type": "scatter",
        "mode": "markers+text",
        "x": [rounded(float(mean_of_finite(runs.per_trial["cpu_s"], axis=0))) for runs in shown],
        "y": [rounded(float(means[name])) for name in names],
        "text": names,
        "textposition": "top center",
        "cliponaxis": False,
        "marker": {"size": 10, "color": [color_of(runs.strategy) for runs in shown]},
        "hovertemplate": "%{text}<br>%{y} points for %{x} s of CPU a trial<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "CPU seconds a trial"}, "type": "log"},
        "yaxis": {"title": {"text": "mean skill on test, points"}},
        "height": TALL,
    }
    return chart(f"Quality against cost in {setup.name}", [View(name="", traces=[trace], layout=layout)], said=_COST)


@dataclass(frozen=True, kw_only=True)
class _ForestRow:
    """A strategy in a forest plot."""

    name: str
    color: str
    mean: float
    ends: tuple[float, float] | None
    finding: str

    @classmethod
    def of(cls, strategy: StrategyInfo, mean: float, ends: tuple[float, float] | None, finding: str) -> "_ForestRow":
        """The row of a strategy."""
        return cls(name=strategy.name, color=color_of(strategy), mean=mean, ends=ends, finding=finding)

    @property
    def said(self) -> str:
        """What hovering tells."""
        ends = "" if self.ends is None else f" [{self.ends[0]:+.3g}, {self.ends[1]:+.3g}]"
        return f"{self.mean:+.3g}{ends}: {self.finding}"


def _forest(name: str, rows: Sequence[_ForestRow], *, unit: str) -> View:
    """Points with intervals, a row a strategy; hollow where nothing can be told."""
    colors = [row.color for row in rows]
    shown = [row.finding != "cannot tell" for row in rows]
    highs = [0.0 if row.ends is None else rounded(row.ends[1] - row.mean) for row in rows]
    lows = [0.0 if row.ends is None else rounded(row.mean - row.ends[0]) for row in rows]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [rounded(row.mean) for row in rows],
        "y": [row.name for row in rows],
        "error_x": {"type": "data", "symmetric": False, "array": highs, "arrayminus": lows, **_BAR},
        "marker": {
            "size": 10,
            "color": colors,
            "symbol": ["circle" if told else "circle-open" for told in shown],
            "line": {"width": 2, "color": colors},
        },
        "customdata": [row.said for row in rows],
        "hovertemplate": "<b>%{y}</b><br>%{customdata}<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": unit}, "zeroline": True, "autorange": True},
        "yaxis": {
            "type": "category",
            "categoryarray": [row.name for row in rows],
            "range": [-0.7, len(rows) - 0.3],
            "automargin": True,
        },
        "height": _FRAME + _ROW * len(rows),
    }
    return View(name=name, traces=[trace], layout=layout)

"""The page's charts, as Plotly takes them: data and layout of plain values.

A chart with several views has traces of each, and a menu that shows one view at a time. Colours that follow the page's
theme are left to the page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ray_mtlkd.report.figures import PALETTE, ROLE_COLORS
from ray_mtlkd.report.gains import changes
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.statistics import Floats, estimate, mean_of_finite
from ray_mtlkd.report.summary import Reference, Summary
from ray_mtlkd.report.trial_curves import Line, lines_of, trials_of

Chart = dict[str, Any]
"""``data`` and ``layout`` of Plotly, and ``about``: what it shows, for those who do not see it."""

_REFERENCES: Mapping[Reference, str] = {
    "sum": "over sum",
    "best_baseline": "over the best baseline",
    "single_task": "over one model a task",
}
_BLACK, _GREY = "#000000", "#808080"
_COLORS = tuple(_GREY if color == _BLACK else color for color in PALETTE)
"""Of tasks; black would be lost on a dark page."""
_BAR = {"color": _GREY, "thickness": 2, "width": 0}
_ROW, _FRAME = 26, 150
"""Pixels of a strategy's row, and of what is around the rows."""
_TALL = 460


@dataclass(frozen=True, kw_only=True)
class _View:
    """What one choice in a chart's menu shows."""

    name: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


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
    return _chart("How far each strategy is ahead, with its interval", views)


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
    return _chart(f"What each strategy does to the tasks of {setup.name}", views)


def curves_chart(setup: Setup, records: Records) -> Chart | None:
    """Validation curves of every strategy's lowest seed, a view a strategy."""
    known = trials_of(setup, records.table)
    names = [runs.strategy.name for runs in setup.runs]
    first = {name: known[name][0] for name in names if name in known}
    lines = lines_of(records, list(first.values()))
    colors = {task.name: _COLORS[at % len(_COLORS)] for at, task in enumerate(setup.tasks)}
    views = [
        _View(
            name=f"{name} (seed {trial.seed})",
            traces=[trace for line in lines[trial] for trace in _curve(line, colors[line.task])],
            layout={},
        )
        for name, trial in first.items()
        if any(np.isfinite(line.skill).any() for line in lines[trial])
    ]
    found = _chart(f"Validation curves of {setup.name}", views)
    if found is not None:
        axes = {"xaxis": {"title": {"text": "task batches spent"}}, "yaxis": {"title": {"text": "skill on validation"}}}
        legend = {"itemclick": "toggleothers", "itemdoubleclick": "toggle"}
        found["layout"] |= {**axes, "showlegend": True, "legend": legend, "height": _TALL}
    return found


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
        "x": [_rounded(float(mean_of_finite(runs.per_trial["cpu_s"], axis=0))) for runs in shown],
        "y": [_rounded(float(means[name])) for name in names],
        "text": names,
        "textposition": "top center",
        "marker": {"size": 10, "color": [_color(runs.strategy) for runs in shown]},
        "hovertemplate": "%{text}<br>%{y} points for %{x} s of CPU a trial<extra></extra>",
    }
    layout = {
        "xaxis": {"title": {"text": "CPU seconds a trial"}, "type": "log"},
        "yaxis": {"title": {"text": "mean skill on test, points"}},
        "height": _TALL,
    }
    return _chart(f"Quality against cost in {setup.name}", [_View(name="", traces=[trace], layout=layout)])


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
        return cls(name=strategy.name, color=_color(strategy), mean=mean, ends=ends, finding=finding)

    @property
    def said(self) -> str:
        """What hovering tells."""
        ends = "" if self.ends is None else f" [{self.ends[0]:+.3g}, {self.ends[1]:+.3g}]"
        return f"{self.mean:+.3g}{ends}: {self.finding}"


def _forest(name: str, rows: Sequence[_ForestRow], *, unit: str) -> _View:
    """Points with intervals, a row a strategy; hollow where nothing can be told."""
    colors = [row.color for row in rows]
    shown = [row.finding != "cannot tell" for row in rows]
    highs = [0.0 if row.ends is None else _rounded(row.ends[1] - row.mean) for row in rows]
    lows = [0.0 if row.ends is None else _rounded(row.mean - row.ends[0]) for row in rows]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [_rounded(row.mean) for row in rows],
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
        "yaxis": {"type": "category", "categoryarray": [row.name for row in rows], "automargin": True},
        "height": _FRAME + _ROW * len(rows),
    }
    return _View(name=name, traces=[trace], layout=layout)


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
                "y": _numbers(values),
                "line": {"color": color, "dash": dash},
                "showlegend": legend,
                "hovertemplate": f"{line.task}: %{{y}} after %{{x}} batches<extra></extra>",
            }
        )
    switches = np.interp(line.switches, line.batches[finite], line.skill[finite])
    if len(switches):
        found.append(
            {
                **common_part,
                "mode": "markers",
                "x": line.switches.tolist(),
                "y": _numbers(switches),
                "marker": {"symbol": "star", "size": 13, "color": color},
                "showlegend": False,
                "hovertemplate": f"{line.task} switches to its teacher's labels<extra></extra>",
            }
        )
    return found


def _chart(about: str, views: Sequence[_View]) -> Chart | None:
    """All views in one chart, the first of them shown."""
    if not views:
        return None
    data = [{**trace, "visible": at == 0} for at, view in enumerate(views) for trace in view.traces]
    owners = [at for at, view in enumerate(views) for _ in view.traces]
    layout: dict[str, Any] = {"title": {"text": about}, "showlegend": False, "hovermode": "closest", **views[0].layout}
    if len(views) > 1:
        buttons = [
            {
                "label": view.name,
                "method": "update",
                "args": [{"visible": [owner == at for owner in owners]}, dict(view.layout)],
            }
            for at, view in enumerate(views)
        ]
        place = {"x": 0, "xanchor": "left", "y": 1.02, "yanchor": "bottom", "direction": "down", "showactive": True}
        layout["updatemenus"] = [{"buttons": buttons, **place}]
    return {"data": data, "layout": layout, "about": about}


def _color(strategy: StrategyInfo) -> str:
    color = ROLE_COLORS.get(strategy.role, _COLORS[-1])
    return _GREY if color == _BLACK else color


def _numbers(values: Floats) -> list[float | None]:
    return [_rounded(float(value)) if np.isfinite(value) else None for value in values]


def _rounded(value: float) -> float:
    """To what a screen can show."""
    return float(f"{value:.5g}")

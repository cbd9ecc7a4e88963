"""Charts of single rows: which classes are taken for which, and whether probabilities hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.report.calibration import BINS, Calibration
from ray_mtlkd.report.confusions import UNSEEN, Confusion
from ray_mtlkd.report.row_findings import RowFindings
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.web.chart import COLORS, GREY, LEGEND, TALL, Chart, View, chart, rounded

_MOST_CLASSES = 24
_LONGEST = 18
"""Letters of a class on an axis."""
_WRITTEN = 12
"""Of at most so many classes, numbers stand in the cells."""
_SQUARE = 560
_INK = "rgb(35,135,205)"
_DASHES = ("solid", "dash", "dot", "dashdot")
_CONFUSIONS = f"""\
A row is what test rows (or tokens) are, a column what they are taken for, in percent of the row, over all
trials; the diagonal is right. Of more than {_MOST_CLASSES} classes, those with most mistakes stand alone and
the others together."""
_CALIBRATION = f"""\
**Reliability**: test decisions in {BINS} bins by the probability that the model gives them, and how often it is
right. On the dashed line probabilities are honest, below it they are too high. A larger point holds more
decisions; **ECE** is the mean distance from the line in points."""


def confusions_chart(setup: Setup, findings: RowFindings) -> Chart | None:
    """Heat maps, a view a task and strategy."""
    views = []
    for task in setup.tasks:
        names = [runs.strategy.name for runs in setup.runs]
        found = {each: findings.confusions.get((setup.name, task.name, each)) for each in names}
        known = {name: each for name, each in found.items() if each is not None}
        if known:
            shown = _most_mistaken(list(known.values()))
            views += [_heat_map(f"{task.name}: {name}", each, shown) for name, each in known.items()]
    return chart(f"Which classes of {setup.name} are taken for which", views, said=_CONFUSIONS, height=_SQUARE)


def calibration_chart(setup: Setup, findings: RowFindings) -> Chart | None:
    """Reliability diagrams, a view a task."""
    views = []
    for task in setup.tasks:
        curves = []
        for at, runs in enumerate(setup.runs):
            found = findings.calibrations.get((setup.name, task.name, runs.strategy.name))
            if found is not None:
                curves.append(_reliability(runs.strategy.name, found, at))
        if curves:
            views.append(View(name=task.name, traces=[_honest(), *curves], layout={}))
    return chart(
        f"Whether probabilities hold in {setup.name}",
        views,
        said=_CALIBRATION,
        showlegend=True,
        legend=LEGEND,
        height=TALL,
        xaxis={"title": {"text": "probability that the model gives"}, "range": [0, 1.02]},
        yaxis={"title": {"text": "share that is right"}, "range": [0, 1.02]},
    )


def _most_mistaken(found: Sequence[Confusion]) -> list[int]:
    """The classes that stand alone in every strategy's heat map, in code order."""
    total = sum((each.counts for each in found), np.zeros_like(found[0].counts))
    wrong = total[:-1] - np.diag(np.diag(total[:-1]))
    mistakes = wrong.sum(axis=0) + wrong.sum(axis=1)
    return sorted(np.argsort(-mistakes, kind="stable")[:_MOST_CLASSES].tolist())


def _heat_map(name: str, found: Confusion, shown: Sequence[int]) -> View:
    counts, classes = _gathered(found, shown)
    unseen = counts[-1].sum() > 0
    true = [*classes, UNSEEN] if unseen else classes
    counts = counts if unseen else counts[:-1]
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.divide(100.0 * counts, sums, out=np.zeros(counts.shape), where=sums > 0)
    trace = {
        "type": "heatmap",
        "z": [[round(float(each), 1) for each in row] for row in shares],
        "customdata": [[rounded(each / found.trials) for each in row] for row in counts.tolist()],
        "zmin": 0,
        "zmax": 100,
        "colorscale": [[0, "rgba(35,135,205,0)"], [1, _INK]],
        "colorbar": {"title": {"text": "%"}, "thickness": 12},
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": "%{y} taken for %{x}: %{z} %, %{customdata} a trial<extra></extra>",
        **({"texttemplate": "%{z:.0f}"} if len(classes) <= _WRITTEN else {}),
    }
    layout = {
        "xaxis": {"title": {"text": "taken for"}, "tickangle": -45, **_names(classes)},
        "yaxis": {"title": {"text": "true class"}, "autorange": "reversed", **_names(true)},
    }
    return View(name=name, traces=[trace], layout=layout)


def _gathered(found: Confusion, shown: Sequence[int]) -> tuple[NDArray[np.int64], list[str]]:
    """Counts with the classes that are not shown as one, before the last line, and the names of all."""
    rest = np.setdiff1d(np.arange(len(found.classes)), shown)
    names = [found.classes[at] for at in shown]
    if not len(rest):
        return found.counts, names
    counts = np.column_stack([found.counts[:, shown], found.counts[:, rest].sum(axis=1)])
    return np.vstack([counts[shown], counts[rest].sum(axis=0), counts[-1]]), [*names, f"{len(rest)} others"]


def _names(classes: Sequence[str]) -> dict[str, Any]:
    """An axis of classes by place: shortened names may be equal."""
    short = [name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in classes]
    places = {"tickmode": "array", "tickvals": list(range(len(classes))), "ticktext": short}
    return {**places, "type": "linear", "automargin": True, "showgrid": False, "zeroline": False}


def _honest() -> dict[str, Any]:
    line = {"color": GREY, "dash": "dash", "width": 1}
    ends = {"x": [0, 1], "y": [0, 1]}
    return {"type": "scatter", "mode": "lines", **ends, "line": line, "showlegend": False, "hoverinfo": "skip"}


def _reliability(name: str, found: Calibration, at: int) -> dict[str, Any]:
    points = [point for _, point in found.points()]
    most = max(point.decisions for point in points)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"{name} (ECE {100 * found.error:.1f})",
        "x": [rounded(point.probability) for point in points],
        "y": [rounded(point.share) for point in points],
        "customdata": [point.decisions for point in points],
        "marker": {"size": [rounded(4 + 10 * (point.decisions / most) ** 0.5) for point in points]},
        "line": {"color": COLORS[at % len(COLORS)], "dash": _DASHES[at // len(COLORS) % len(_DASHES)]},
        "hovertemplate": "says %{x}, right %{y}, %{customdata} decisions<extra>%{fullData.name}</extra>",
    }

"""What searches tried, as parallel coordinates: an axis a setting, a line a configuration, coloured by its score.

Drawn from lines, since Plotly's own parallel coordinates need WebGL and code made at run time, which the page's policy
forbids and paper does not show.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.report import text
from ray_mtlkd.report.searched import Tried, Value
from ray_mtlkd.report.web.chart import GREY, NEXT_LINE, Chart, View, chart, rounded

_TIERS = ("#8c96a0", "#56B4E9", "#009E73", "#E69F00", "#D55E00")
"""Of lines, from the worst scores to the best."""
_MOST_VALUES = 10
"""Of a setting in words: with more, no axis could be read."""
_FEW = 5
"""Numbers that are all written at their axis."""
_LACKING = -0.1
"""Height of configurations that lack a setting."""
_LETTERS = 14
"""Of a line of an axis' title."""
_SCORE = "score on validation"
_SAID = """\
Each line is a configuration that the search tried, from setting to setting to its score: mean skill on
**validation**, over the seeds of the search. Lines of the best share of scores are drawn last; where they meet
on an axis, the setting matters. Settings that the search draws by the logarithm have such an axis; at the foot
is what lacks a setting."""


def search_chart(setup: str, searches: Mapping[str, Tried], logarithmic: Collection[str]) -> Chart | None:
    """A view a strategy; None where nothing was searched."""
    views, notes = [], []
    for strategy, search in searches.items():
        axes = [axis for at, key in enumerate(search.keys) if (axis := _axis(key, at, search, logarithmic)) is not None]
        if not axes:
            continue
        views.append(_view(strategy, search, [*axes, _score_axis(search)]))
        lost = [text.code(key) for key in search.keys if key not in {axis.key for axis in axes}]
        notes += [f"{text.code(strategy)} without {text.listed(lost)}, each value of which is another"] if lost else []
        notes += [f"{text.code(strategy)} without {search.failed} that failed"] if search.failed else []
    rest = f" Not drawn: {'; '.join(notes)}." if notes else ""
    return chart(f"What the search of {setup} tried", views, said=_SAID + rest, height=480, showlegend=True)


@dataclass(frozen=True, kw_only=True)
class _Axis:
    """One upright.

    Attributes:
        places: Height of each configuration, from 0 to 1, or below where it lacks the setting [N].
        ticks: Heights and what stands there.
    """

    key: str
    places: Sequence[float]
    ticks: Sequence[tuple[float, str]]


def _axis(key: str, at: int, search: Tried, logarithmic: Collection[str]) -> _Axis | None:
    """A setting's; None where it has too many values that are no numbers."""
    values = [point[at] for point in search.points.values()]
    known = sorted({value for value in values if value is not None}, key=lambda value: (isinstance(value, str), value))
    floats = [value for value in known if isinstance(value, float)]
    if len(floats) == len(known) and len(known) > 1:
        return _of_numbers(key, values, floats, log=key in logarithmic and floats[0] > 0)
    if len(known) > _MOST_VALUES:
        return None
    heights = {value: (place + 0.5) / len(known) for place, value in enumerate(known)}
    ticks = [(height, _word(value)) for value, height in heights.items()]
    return _Axis(
        key=key, places=[_LACKING if each is None else heights[each] for each in values], ticks=_foot(values, ticks)
    )


def _score_axis(search: Tried) -> _Axis:
    known = sorted(set(search.scores))
    if len(known) == 1:
        return _Axis(key=_SCORE, places=[0.5] * len(search.scores), ticks=[(0.5, f"{known[0]:.4g}")])
    return _of_numbers(_SCORE, search.scores, known, log=False)


def _of_numbers(key: str, values: Sequence[Value | None], known: Sequence[float], *, log: bool) -> _Axis:
    scale = math.log if log else float
    low, high = scale(known[0]), scale(known[-1])

    def height(value: float) -> float:
        return (scale(value) - low) / (high - low)

    middle = math.exp((low + high) / 2) if log else (low + high) / 2
    written = known if len(known) <= _FEW and key != _SCORE else [known[0], middle, known[-1]]
    places = [height(value) if isinstance(value, float) else _LACKING for value in values]
    return _Axis(key=key, places=places, ticks=_foot(values, [(height(value), f"{value:.3g}") for value in written]))


def _foot(values: Sequence[Value | None], ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    return [*ticks, *([(_LACKING, "without")] if None in values else [])]


def _view(strategy: str, search: Tried, axes: Sequence[_Axis]) -> View:
    order = sorted(range(len(search.scores)), key=lambda at: search.scores[at])
    tiers = min(len(_TIERS), len(order))
    traces = []
    for tier in range(tiers):
        own = order[tier * len(order) // tiers : (tier + 1) * len(order) // tiers]
        traces.append(_lines(own, search, axes, color=_TIERS[len(_TIERS) - tiers + tier], is_best=tier == tiers - 1))
    upright = {"type": "line", "y0": _LACKING, "y1": 1, "line": {"color": GREY, "width": 1}, "layer": "below"}
    layout = {
        "xaxis": {
            "tickmode": "array",
            "tickvals": list(range(len(axes))),
            "ticktext": [_title(axis.key) for axis in axes],
            "range": [-0.2, len(axes) - 0.4],
            "showgrid": False,
            "zeroline": False,
            "automargin": True,
        },
        "yaxis": {"visible": False, "range": [_LACKING - 0.05, 1.05]},
        "shapes": [{**upright, "x0": at, "x1": at} for at in range(len(axes))],
        "annotations": [
            {
                "x": at,
                "y": height,
                "text": said,
                "showarrow": False,
                "xanchor": "left",
                "xshift": 3,
                "font": {"size": 11},
            }
            for at, axis in enumerate(axes)
            for height, said in axis.ticks
        ],
        "legend": {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom", "title": {"text": "score"}},
    }
    return View(name=strategy, traces=traces, layout=layout)


def _lines(own: Sequence[int], search: Tried, axes: Sequence[_Axis], *, color: str, is_best: bool) -> dict[str, Any]:
    """Configurations as one trace, with gaps between them."""
    names = list(search.points)
    xs: list[float | None] = []
    ys: list[float | None] = []
    said: list[str] = []
    for at in own:
        xs += [*range(len(axes)), None]
        ys += [*(rounded(axis.places[at]) for axis in axes), None]
        said += [_told(names[at], search, at)] * (len(axes) + 1)
    scores = [f"{search.scores[at]:.4g}" for at in (own[0], own[-1])]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": " to ".join(dict.fromkeys(scores)),
        "x": xs,
        "y": ys,
        "line": {"color": color, "width": 3 if is_best else 1.5},
        "marker": {"size": 6 if is_best else 4},
        "text": said,
        "hovertemplate": "%{text}<extra></extra>",
    }


def _told(name: tuple[str, int], search: Tried, at: int) -> str:
    point = search.points[name]
    settings = [f"{key}: {_word(value)}" for key, value in zip(search.keys, point, strict=True) if value is not None]
    return NEXT_LINE.join([f"configuration {name[1]}: {search.scores[at]:.4g}", *settings])


def _word(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else value


def _title(key: str) -> str:
    """In lines, cut behind dots and underscores."""
    lines = [""]
    for part in key.replace(".", ".\0").replace("_", "_\0").replace(" ", " \0").split("\0"):
        if lines[-1] and len(lines[-1] + part) > _LETTERS:
            lines.append("")
        lines[-1] += part
    return NEXT_LINE.join(line.strip() for line in lines)

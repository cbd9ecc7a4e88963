"""What charts have in common: views, of which a menu shows one at a time, and how numbers and colours are written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ray_mtlkd.escapes import in_plotly
from ray_mtlkd.report.figures import PALETTE, ROLE_COLORS
from ray_mtlkd.report.runs import StrategyInfo
from ray_mtlkd.report.statistics import Floats

_BLACK = "#000000"
GREY = "#808080"
COLORS = tuple(GREY if color == _BLACK else color for color in PALETTE)
"""Of what has no order; black would be lost on a dark page."""
NEXT_LINE = "\N{LINE SEPARATOR}"
"""Between the lines of a text in a chart; those of names become one."""
TALL = 460
"""Pixels of a chart whose height does not follow from what it shows."""


LEGEND = {"itemclick": "toggleothers", "itemdoubleclick": "toggle"}
"""One that shows an entry alone when it is clicked."""


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart of the page.

    Attributes:
        about: Its title, also for those who do not see it.
        said: What is to be seen and how it is read, as Markdown.
        data: Traces as Plotly takes them; ``layout`` likewise. Colours that follow the theme are left to the page.
    """

    about: str
    said: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class View:
    """What one choice in a chart's menu shows."""

    name: str
    traces: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]


def chart(about: str, views: Sequence[View], *, said: str, **layout: Any) -> Chart | None:
    """All views in one chart, the first of them shown; one alone is named in the title. None where there is none.

    Args:
        layout: Of the whole chart, whatever view is shown.
    """
    if not views:
        return None
    data = [{**trace, "visible": at == 0} for at, view in enumerate(views) for trace in view.traces]
    owners = [at for at, view in enumerate(views) for _ in view.traces]
    alone = f": {views[0].name}" if len(views) == 1 and views[0].name else ""
    whole = {"title": {"text": about + alone}, "showlegend": False, "hovermode": "closest", **layout, **views[0].layout}
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
        whole["updatemenus"] = [{"buttons": buttons, **place}]
    return Chart(about=about, said=said, data=[_as_text(trace) for trace in data], layout=_as_text(whole))


def _as_text(part: Any, key: str = "") -> Any:
    """The same with all its words as text, names with tags in them too; what hovering shows is a template of ours."""
    if isinstance(part, str):
        if key == "hovertemplate":
            return part
        return "<br>".join(in_plotly(line) for line in part.split(NEXT_LINE))
    if isinstance(part, Mapping):
        return {name: _as_text(each, name) for name, each in part.items()}
    return [_as_text(each) for each in part] if isinstance(part, list | tuple) else part


def color_of(strategy: StrategyInfo) -> str:
    """A strategy's, by its role."""
    color = ROLE_COLORS.get(strategy.role, COLORS[-1])
    return GREY if color == _BLACK else color


def numbers(values: Floats) -> list[float | None]:
    """As JSON has them."""
    return [rounded(float(value)) if np.isfinite(value) else None for value in values]


def rounded(value: float) -> float:
    """To what a screen can show."""
    return float(f"{value:.5g}")

"""How figures look and are saved, and the figure of average gains."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.markers import CARETLEFT, CARETRIGHT
from matplotlib.textpath import text_to_path

from ray_mtlkd.escapes import one_line
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.runs import StrategyInfo
from ray_mtlkd.report.summary import Cell, Reference, Summary
from ray_mtlkd.report.text import WITHOUT

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
"""Okabe and Ito's colours, which colour-blind readers tell apart, without their yellow (too pale for a line)."""
ROLE_COLORS = {"baseline": PALETTE[0], "kd": PALETTE[1], "control": PALETTE[3], "reference": PALETTE[6]}
"""Of strategies, by their role."""
_ROLE_NAMES = {"baseline": "baseline", "kd": "distils", "control": "control", "reference": "several models"}
_MUTED = 0.35
_PNG_DPI = 200
_COLUMNS: tuple[tuple[Reference, str], ...] = (
    ("best_baseline", "over the best baseline"),
    ("sum", "over sum"),
)
_FONT = "DejaVu Sans"
_LONGEST = 60
"""Letters of a name."""
LEGEND_ROW = 0.2
"""Inches that a legend takes for each of its rows."""
_STYLE = {
    "font.size": 9,
    "font.family": _FONT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # else every tick is measured for it
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,
    "svg.hashsalt": "ray_mtlkd",
}


def style() -> Any:
    """The context in which figures are drawn and saved."""
    return mpl.rc_context({**mpl.rcParamsDefault, **_STYLE, "backend": "agg"})


def saved(figure: Figure) -> bytes:
    """The figure as SVG: the same bytes for the same records."""
    svg = io.BytesIO()
    # `savefig` draws each figure twice: once to see what it can crop, which it never does here.
    FigureCanvasSVG(figure).print_svg(svg, metadata={"Date": None})
    return svg.getvalue()


def as_png(figure: Figure) -> bytes:
    """The figure as PNG, sharp where a viewer enlarges it."""
    figure.set_dpi(_PNG_DPI)
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png, metadata={"Software": None})
    return png.getvalue()


def drawn(name: str) -> str:
    """A name as figures show it: in one line, cut where it is long, and with what the font lacks spelled."""
    said = one_line(name)
    said = said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
    font = get_font(findfont(_FONT))
    shown = "".join(sign if font.get_char_index(ord(sign)) else ascii(sign)[1:-1] for sign in said)
    return f" {shown}" if shown.startswith("_") else shown  # a legend leaves out what begins so


def inches(words: Iterable[str], *, size: float) -> float:
    """How wide the longest of these is, at a font size in points."""
    font = FontProperties(size=size)
    widths = (text_to_path.get_text_width_height_descent(each, font, ismath=False)[0] for each in words)
    return max(widths, default=0.0) / 72


@dataclass(frozen=True, kw_only=True)
class Frame:
    """Room around the panels of a figure and between them, in inches.

    Matplotlib could find it (`layout="constrained"`), in more time than it takes to draw.
    """

    left: float
    bottom: float
    right: float = 0.15
    top: float = 0.3
    across: float = 0.2
    down: float = 0.3

    def panels(
        self, heights: Sequence[float], widths: Sequence[float], *, share: Literal["none", "row", "all"]
    ) -> tuple[Figure, Any]:
        """A figure with panels of these sizes [inches], and its axes [rows, columns]; they may share scales."""
        width = self.left + sum(widths) + self.across * (len(widths) - 1) + self.right
        height = self.top + sum(heights) + self.down * (len(heights) - 1) + self.bottom
        figure = Figure(figsize=(width, height))
        axes = figure.subplots(
            len(heights),
            len(widths),
            squeeze=False,
            sharex=share,
            sharey=share == "all",
            height_ratios=heights,
            width_ratios=widths,
            gridspec_kw={
                "left": self.left / width,
                "right": 1 - self.right / width,
                "bottom": self.bottom / height,
                "top": 1 - self.top / height,
                "wspace": self.across * len(widths) / sum(widths),
                "hspace": self.down * len(heights) / sum(heights),
            },
        )
        return figure, axes


def draw_gains(summary: Summary) -> Figure:
    """A row a setup (and all setups), a column a reference, a point with its interval a strategy."""
    rows = summary.sections
    strategies = [summary.strategies(name) for name in rows]
    frame = Frame(
        left=0.3 + inches((drawn(each.name) for of in strategies for each in of), size=9), bottom=0.75, down=0.9
    )
    figure, axes = frame.panels([0.24 * (len(of) + 0.5) for of in strategies], (3.5, 3.5), share="row")
    for row, setup in zip(axes, rows, strict=True):
        order = sorted(summary.strategies(setup), key=lambda each: _height(summary, setup, each.name))
        for axis, (reference, title) in zip(row, _COLUMNS, strict=True):
            cells = [summary.cells[setup, each.name, reference] for each in order]
            against = summary.parts[setup].who(reference)
            axis.set_title(f"{drawn(setup)}: {title}" + (f" ({drawn(against)})" if against else ""))
            _draw_cells(axis, order, cells)
            axis.set_xlabel("difference in mean skill on test, points")
        row[1].tick_params(labelleft=False)
        columns = [[summary.cells[setup, each.name, reference].skill for each in order] for reference, _ in _COLUMNS]
        _limit(row[0], [found for column in columns for found in column if found is not None])
        for axis, column in zip(row, columns, strict=True):
            _draw_cuts(axis, order, column)
    _legend(figure, {each.role for name in rows for each in summary.strategies(name)})
    return figure


def _height(summary: Summary, setup: str, strategy: str) -> tuple[float, str]:
    """Where a strategy stands: the best on top, those without a number at the bottom."""
    for reference, _ in _COLUMNS:
        cell = summary.cells[setup, strategy, reference]
        if cell.skill is not None:
            return cell.skill.mean, strategy
        if cell.state == "self":
            return 0.0, strategy
    return float("-inf"), strategy


def _draw_cells(axis: Any, strategies: Sequence[StrategyInfo], cells: Sequence[Cell]) -> None:
    axis.axvline(0, color="0.3", linewidth=0.8, zorder=1)
    axis.grid(visible=True, axis="x", color="0.92")
    for height, (strategy, cell) in enumerate(zip(strategies, cells, strict=True)):
        color = ROLE_COLORS.get(strategy.role, PALETTE[-1])
        if cell.state == "self":
            axis.plot(0, height, marker="D", color=color, markersize=4.5, markerfacecolor="white", zorder=3)
        elif cell.skill is None:
            axis.text(0, height, f"  {WITHOUT[cell.state]}", va="center", color="0.5", fontsize=8)
        else:
            shown = cell.skill.finding != "cannot tell"
            alpha = 1.0 if shown else _MUTED
            if cell.skill.interval is not None:
                ends = list(cell.skill.interval)
                axis.plot(ends, [height, height], color=color, alpha=alpha, linewidth=1.8, solid_capstyle="butt")
            face = color if shown else "white"
            axis.plot(cell.skill.mean, height, marker="o", color=color, alpha=alpha, zorder=3, markerfacecolor=face)
    axis.set_yticks(range(len(strategies)), [drawn(strategy.name) for strategy in strategies])
    axis.set_ylim(-0.6, len(strategies) - 0.4)
    axis.tick_params(axis="y", length=0)


def _limit(axis: Any, found: Sequence[Contrast]) -> None:
    """Keep one wide interval (two seeds) from squeezing all others: it then runs out of the panel."""
    if not found:
        return
    means = [0.0, *(each.mean for each in found)]
    lows, highs = zip(*(each.interval or (each.mean, each.mean) for each in found), strict=True)
    room = max(max(means) - min(means), float(np.median(np.subtract(highs, lows))), 1e-3)
    low, high = max(min(0.0, *lows), min(means) - room), min(max(0.0, *highs), max(means) + room)
    axis.set_xlim(low - 0.05 * room, high + 0.05 * room)


def _draw_cuts(axis: Any, strategies: Sequence[StrategyInfo], contrasts: Sequence[Contrast | None]) -> None:
    """An arrowhead where an interval runs out of the panel, and its end's value above it."""
    low, high = axis.get_xlim()
    for height, (strategy, found) in enumerate(zip(strategies, contrasts, strict=True)):
        if found is None or found.interval is None:
            continue
        color = ROLE_COLORS.get(strategy.role, PALETTE[-1])
        for end, border, marker, side in zip(
            found.interval, (low, high), (CARETLEFT, CARETRIGHT), ("left", "right"), strict=True
        ):
            if low <= end <= high:
                continue
            axis.plot(border, height, marker=marker, color=color, markersize=6, clip_on=False, zorder=4)
            shift = 8 if side == "left" else -8
            axis.annotate(
                f"{end:+.1f}",
                (border, height),
                xytext=(shift, 2),
                textcoords="offset points",
                ha=side,
                va="bottom",
                fontsize=7,
                color=color,
            )


def _legend(figure: Figure, roles: set[str]) -> None:
    def mark(color: str, label: str, **look: Any) -> Line2D:
        return Line2D([], [], color=color, marker="o", linewidth=1.8, label=label, **look)

    handles = [mark(color, _ROLE_NAMES[role]) for role, color in ROLE_COLORS.items() if role in roles]
    handles.append(mark("0.4", "cannot tell", alpha=_MUTED, markerfacecolor="white"))
    reference = Line2D([], [], color="0.4", marker="D", linestyle="", markerfacecolor="white", label="the reference")
    handles.append(reference)
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=8)

"""Numbers and tables as the report prints them."""

import math
from collections.abc import Iterable, Sequence

from ray_mtlkd.report.statistics import Interval

NO_DIFFERENCE = "no difference shown"
NOTHING = "\N{EN DASH}"


def gain(estimate: Interval, digits: int = 2) -> str:
    """``+1.23 [+0.40, +2.06]``, in percent; without brackets where there is no interval."""
    mean = f"{estimate.mean:+.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return mean
    return f"{mean} [{estimate.low:+.{digits}f}, {estimate.high:+.{digits}f}]"


def number(value: float, digits: int = 3) -> str:
    """Fixed digits, or a dash where there is no number."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NOTHING


def count(value: float) -> str:
    """A whole number with thousands apart."""
    return f"{value:,.0f}".replace(",", " ") if math.isfinite(value) else NOTHING


def code(name: str) -> str:
    """A name in Markdown."""
    return f"`{name}`"


def listed(names: Iterable[str]) -> str:
    """Names in a row, or a dash."""
    return ", ".join(names) or NOTHING


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[str] = ()) -> str:
    """A Markdown table; the first column and those that ``words`` names stand left, numbers right."""
    rules = ["---" if at == 0 or name in words else "---:" for at, name in enumerate(header)]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

"""Numbers and tables as the report prints them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ray_mtlkd.escapes import as_code, in_markdown
from ray_mtlkd.report.comparison import Contrast
from ray_mtlkd.report.statistics import Interval

code, plain = as_code, in_markdown
"""A name as code, and any text of somebody else's as text: whatever signs it has."""
NOTHING = "\N{EN DASH}"
WITHOUT = {
    "self": NOTHING,
    "budget": "not comparable (budget)",
    "undefined": "undefined",
    "missing": "no shared seed",
    "none": "none to compare with",
}
"""What stands where a difference would, by the state of its cell."""
_MOST = 0.5
"""Of a gain: more than that is said to be a single task's."""


def gain(estimate: Interval, digits: int = 2) -> str:
    """``+1.23 [+0.40, +2.06]``, in percent; without brackets where there is no interval."""
    ends = None if estimate.low is None or estimate.high is None else (estimate.low, estimate.high)
    return _with_ends(estimate.mean, ends, digits)


def contrast(found: Contrast, digits: int = 2) -> str:
    """``+1.23 [+0.40, +2.06]``, in points, with the interval that holds together with all others."""
    return _with_ends(found.mean, found.interval, digits)


def main_task(found: Interval | None, by_task: Mapping[str, float] | None) -> str:
    """``emotions alone +14.60``: the task that adds most to a gain, where that is more than half; else nothing."""
    if found is None or not by_task or len(by_task) == 1:
        return ""
    name = max(by_task, key=lambda task: by_task[task] * found.mean)
    return f"{plain(name)} alone {by_task[name]:+.2f}" if abs(by_task[name]) > _MOST * abs(found.mean) else ""


def number(value: float, digits: int = 3) -> str:
    """Fixed digits, or a dash where there is no number."""
    return f"{value:.{digits}f}" if math.isfinite(value) else NOTHING


def count(value: float) -> str:
    """A whole number with thousands apart."""
    return f"{value:,.0f}".replace(",", " ") if math.isfinite(value) else NOTHING


def unmarked(markdown: str) -> str:
    """What a reader of Markdown sees, for places that show none: lines and lists stay as they are."""
    parser = MarkdownIt("commonmark", {"html": False})
    return "\n".join("".join(_seen(parser.parseInline(line))) for line in markdown.split("\n"))


def _seen(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        yield from _seen(token.children) if token.children is not None else (token.content,)


def listed(names: Iterable[str]) -> str:
    """Names in a row, or a dash."""
    return ", ".join(names) or NOTHING


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, words: Sequence[str] = ()) -> str:
    """A Markdown table; the first column and those that ``words`` names stand left, numbers right."""
    rules = ["---" if at == 0 or name in words else "---:" for at, name in enumerate(header)]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _with_ends(mean: float, ends: tuple[float, float] | None, digits: int) -> str:
    return f"{mean:+.{digits}f}" + ("" if ends is None else f" [{ends[0]:+.{digits}f}, {ends[1]:+.{digits}f}]")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")

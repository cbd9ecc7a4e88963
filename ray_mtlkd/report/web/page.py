"""From the report's Markdown and its charts to one HTML file."""

import base64
import json
import re
from collections.abc import Collection, Mapping, Sequence
from importlib import resources
from string import Template
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from ray_mtlkd.escapes import in_html
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.page import Images
from ray_mtlkd.report.row_findings import RowFindings
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.searched import searches
from ray_mtlkd.report.summary import Summary
from ray_mtlkd.report.text import unmarked
from ray_mtlkd.report.web.chart import Chart
from ray_mtlkd.report.web.charts import cost_chart, gains_chart, tasks_chart
from ray_mtlkd.report.web.course_charts import courses, curves_chart, phases_chart
from ray_mtlkd.report.web.row_charts import calibration_chart, confusions_chart
from ray_mtlkd.report.web.search_chart import search_chart
from ray_mtlkd.report.web.step_charts import conflicts_chart, weights_chart

_GAINS, _SETUP, _ROWS, _EACH = "Average gains", "Setup ", "Rows", "\nPer setup:\n"
"""What the page's parts are known by."""
_OF_SETUPS = ("curves", "phases", "weights", "conflicts", "tasks", "cost", "search")
_OF_ROWS = ("confusions", "calibration")
"""Charts of these parts, in their order."""
_CHARTED = ("gains", "curves")
"""Figures that charts take the place of."""
_SENTENCE = re.compile(r"(?<=\*\*) (?=[A-Z`*])|(?<=\.) (?=[A-Z`*])")
_CODE = re.compile(r"(?<![`\\])(`+)(?!`).*?(?<!`)\1(?!`)")
_BREAK = "<br>"
_FOLDED = ("What ran", "How the numbers came about")
"""Sections that most readers do not need."""


def web_page(
    markdown: str,
    *,
    setups: Sequence[Setup],
    summary: Summary,
    records: Records,
    trials: Sequence[Mapping[str, Any]],
    logarithmic: Collection[str],
    findings: RowFindings,
    images: Images,
    files: Mapping[str, bytes],
) -> bytes:
    """The page: what ``report.md`` says, with charts in the place of its figures.

    Args:
        markdown: What ``report.md`` says; names in it are text, never markup.
        trials: One row a trial of the records, as ``history.trials`` gives them.
        logarithmic: Settings that were searched by the logarithm.
        findings: Of the predictions of test rows.
        images: The figures that it shows.
        files: Their content, by name: what has no chart is shown as it is.
    """
    charts = _charts(setups, summary, records, findings)
    for at, setup in enumerate(setups):
        if (found := search_chart(setup.name, searches(trials, setup.name), logarithmic)) is not None:
            charts[f"search-{at}"] = found
    drawn = {name: {"data": each.data, "layout": each.layout} for name, each in charts.items()}
    replaced = [name for (sort, _), name in images.items() if sort in _CHARTED]
    title, sections = _sections(markdown, _renderer(replaced, files), charts)
    return (
        _template("page.html")
        .substitute(
            title=in_html(title),
            style=_asset("page.css"),
            contents="".join(f'<a href="#{name}">{in_html(words)}</a>' for name, words, _ in sections),
            body="".join(body for *_, body in sections),
            charts=json.dumps(drawn, separators=(",", ":")).replace("<", "\\u003c"),
            plotly=_plotly(),
            script=_asset("page.js"),
        )
        .encode()
    )


def _charts(setups: Sequence[Setup], summary: Summary, records: Records, findings: RowFindings) -> dict[str, Chart]:
    found = {"gains": gains_chart(summary)}
    for at, setup in enumerate(setups):
        known = courses(setup, records)
        found |= {
            f"curves-{at}": curves_chart(setup, known),
            f"phases-{at}": phases_chart(setup, known),
            f"weights-{at}": weights_chart(setup, known),
            f"conflicts-{at}": conflicts_chart(setup, known),
            f"tasks-{at}": tasks_chart(setup),
            f"cost-{at}": cost_chart(setup, summary),
            f"confusions-{at}": confusions_chart(setup, findings),
            f"calibration-{at}": calibration_chart(setup, findings),
        }
    return {name: chart for name, chart in found.items() if chart is not None}


def _renderer(replaced: Collection[str], files: Mapping[str, bytes]) -> MarkdownIt:
    """Of Markdown in which no HTML counts; figures that are no charts are carried along."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

    def image(_self: object, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
        name, words = str(tokens[index].attrs["src"]), in_html(unmarked(tokens[index].content))
        if name in replaced:
            return ""
        if name not in files:  # somebody's words, which look like a figure
            return words
        data = base64.b64encode(files[name]).decode()
        return f'<img alt="{words}" src="data:image/svg+xml;base64,{data}">'

    markdown.add_render_rule("image", image)
    markdown.inline.ruler.before("autolink", "break", _break)
    return markdown


def _break(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as the parser calls it
    """The one tag that tables have: a line's end within a cell."""
    if not state.src.startswith(_BREAK, state.pos):
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos += len(_BREAK)
    return True


def _place(name: str, charts: Mapping[str, Chart], markdown: MarkdownIt) -> str:
    if name not in charts:
        return ""
    about, said = in_html(charts[name].about), markdown.render(charts[name].said)
    views = sum(len(menu["buttons"]) for menu in charts[name].layout.get("updatemenus", ()))
    paper = f'<p class="paper">On paper: one of its {views} views.</p>' if views else ""
    return (
        f'<span class="chart" id="chart-{name}" role="img" aria-label="{about}"></span>'
        f'<div class="said">{said}{paper}</div>'
    )


def _sections(text: str, markdown: MarkdownIt, charts: Mapping[str, Chart]) -> tuple[str, list[tuple[str, str, str]]]:
    """The title, and each section's name, heading and HTML; the first is the verdict.

    Whatever a name holds, it stands in one line: only this package's headings begin one.
    """
    title, _, rest = text.partition("\n")
    heads = re.split(r"^## (.+)$", rest, flags=re.MULTILINE)
    found = [("verdict", "Verdict", _section("verdict", "Verdict", _verdict(markdown, heads[0])))]
    setups = 0
    for number, (words, body) in enumerate(zip(heads[1::2], heads[2::2], strict=True)):
        shown = ["gains"] if words == _GAINS else []
        if words.startswith(_SETUP):
            shown = [f"{sort}-{setups}" for sort in _OF_SETUPS]
            setups += 1
        if words == _ROWS:
            shown = [f"{sort}-{at}" for at in range(setups) for sort in _OF_ROWS]
        places = "".join(_place(name, charts, markdown) for name in shown)
        numbers = _rendered(markdown, body)
        inner = places + (_folded("All numbers", numbers) if places else numbers)
        name = f"section-{number}"
        heading = unmarked(words)
        found.append((name, heading, _section(name, heading, _folded("Show", inner) if words in _FOLDED else inner)))
    return unmarked(title.removeprefix("# ")), found


def _verdict(markdown: MarkdownIt, text: str) -> str:
    """The headline, its reasons one by one, and, folded, what each setup would ship by itself."""
    ahead = ""
    first, _, rest = text.strip().partition("\n\n")
    if first.startswith(">"):  # of what it is a part
        ahead = first
        first, _, rest = rest.partition("\n\n")
    headline, *sentences = _outside_code(_SENTENCE, first)
    blocks = [headline, "\n".join(f"- {sentence}" for sentence in sentences)]
    shared, heading, each = f"\n{rest}".partition(_EACH)
    counts = each.rpartition("\n\n")[2] if heading else ""
    folded = _folded("Per setup", _rendered(markdown, each.removesuffix(counts))) if heading else ""
    return _rendered(markdown, "\n\n".join([ahead, *blocks, shared])) + folded + _rendered(markdown, counts)


def _outside_code(pattern: re.Pattern[str], text: str) -> list[str]:
    """The parts of a text that is split at a pattern, but not within code."""
    shadow = _CODE.sub(lambda code: "`" * len(code[0]), text)
    places = [0, *(at for found in pattern.finditer(shadow) for at in found.span()), len(text)]
    return [text[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]


def _folded(words: str, inner: str) -> str:
    return f"<details><summary>{words}</summary>{inner}</details>"


def _section(name: str, words: str, inner: str) -> str:
    return f'<section id="{name}"><h2>{in_html(words)}</h2>{inner}</section>'


def _rendered(markdown: MarkdownIt, text: str) -> str:
    return (
        str(markdown.render(text)).replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
    )


def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def _template(name: str) -> Template:
    return Template(_asset(name))


def _plotly() -> str:
    return (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")

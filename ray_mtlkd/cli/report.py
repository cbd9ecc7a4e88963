"""`ray-mtlkd report`: from the records of sweeps to a page that says which strategy to ship."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.escapes import one_line
from ray_mtlkd.imports import importing, unsearched

if TYPE_CHECKING:
    from ray_mtlkd.report import Advice, Cell, Report, Summary

EXAMPLE = "Example: `ray-mtlkd report runs/first runs/second --out runs/report`"
_WIDE = 130
"""Columns of a terminal from which a gain and its judgement fit in one line."""


def report(
    results: Annotated[
        list[str], typer.Argument(help="Sweep directories, or Parquet files or folders of them; paths or URIs.")
    ],
    out: Annotated[
        str | None,
        typer.Option(help="Folder or URI to write to [default: the first of RESULTS + /report].", show_default=False),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(
            help="Points of skill within which strategies are equally good [default: what the sweeps ask for].",
            min=0.0,
            show_default=False,
        ),
    ] = None,
    setup: Annotated[
        list[str] | None,
        typer.Option(help="Report this setup alone; once for each. Needs --out. [default: all]", show_default=False),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="Report this strategy alone; once for each. Needs --out. [default: all]", show_default=False),
    ] = None,
) -> None:
    """Say which strategy to ship, from the records of one or several sweeps.

    Writes report.html for a browser, report.md, gains.tex (booktabs) and the figures, and tables as .csv and .parquet:
    gains, strategies, tasks and configurations; where trials left their predictions, also confusions, calibration and
    disagreements. With --setup or --strategy it is of these alone, and says so. Needs no Ray: records are read from any
    folder, file or storage URI.
    """
    with importing():
        from ray_mtlkd import build_report

    console = open_console()
    chosen = {"setups": setup or (), "strategies": strategy or ()}
    with unsearched():
        found = build_report(results, _folder(results, out, part=any(chosen.values())), margin=margin, **chosen)
    print_report(found, console, failed=found.failed)


def print_report(report: "Report", console: Console, *, failed: int) -> None:
    """What a report says in short, how many trials failed, and where the rest is."""
    from ray_mtlkd.report import unmarked

    if report.part:
        console.print(f"warning: {unmarked(report.part)}", style="yellow", markup=False)
    print_advice(report.advice, console)
    print_summary(report.summary, console)
    for caution in report.cautions:
        console.print(f"warning: {unmarked(caution)}", style="yellow", markup=False)
    if failed:
        console.print(f"{failed} trial{'s' * (failed > 1)} failed; the report says which and why", style="yellow")
    console.print(f"report:      {report.page}", soft_wrap=True)


def print_summary(summary: "Summary", console: Console) -> None:
    """Strategies x setups: difference in mean skill from each reference with its interval, in points, on test."""
    # The report's libraries take a second to import; --help and the other verbs should not wait for them.
    from ray_mtlkd.report import ALL_SETUPS, REFERENCES, footnote, unmarked

    table = Table(
        title="Mean skill on test: difference in points, with intervals that hold together with 95 %",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("strategy")
    for name in ("over best baseline", "over sum", "over single task"):
        table.add_column(name)
    wide = console.width >= _WIDE
    for setup in (*summary.setups, *([ALL_SETUPS] if len(summary.setups) > 1 else [])):
        named = [summary.parts[setup].who(reference) for reference in REFERENCES]
        table.add_section()
        others = (Text(one_line(f"= {name}") if name else "", style="dim") for name in named)
        table.add_row(Text(one_line(setup), style="bold"), *others)
        for strategy in summary.strategies(setup):
            cells = [summary.cells[setup, strategy.name, reference] for reference in REFERENCES]
            table.add_row(
                f" {one_line(strategy.name)} {summary.mark(setup, strategy.name)}".rstrip(),
                *(_difference(cell, wide=wide) for cell in cells),
            )
    console.print(table)
    said = unmarked(footnote(summary.unfinished[summary.total]))
    if said:
        console.print(said)
    for warning in summary.warnings:
        console.print(f"warning: {unmarked(warning)}", style="yellow")


def print_advice(advice: "Advice", console: Console) -> None:
    """The recommendation, without its Markdown."""
    from ray_mtlkd.report import unmarked

    console.print(unmarked(advice.said))


def _difference(cell: "Cell", *, wide: bool) -> Text:
    from ray_mtlkd.report import cell_text

    said, finding = cell_text(cell, digits=1), "" if cell.skill is None else cell.skill.finding
    style = {"better": "green", "worse": "red", "equivalent": "blue"}.get(finding, "dim")
    number = said.removesuffix(finding).strip()
    return Text(number + (" " if wide else "\n") * bool(finding) + finding, style=style)


def _folder(results: Sequence[str], out: str | None, *, part: bool) -> str:
    from ray_mtlkd.sweep_folder import SweepFolder

    if out is not None:
        return out
    if part:
        what = "a report on a part would take the place of the whole one"
        raise MtlkdError(what, where="--out", fix="give --out DIR, another folder")
    folder = SweepFolder.at(results[0])
    if folder.root.is_file:
        raise MtlkdError("a file has no folder for the report", where="--out", fix="give --out DIR")
    return folder.report.uri

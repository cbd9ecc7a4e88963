"""`ray-mtlkd status`: how far a sweep is, from another terminal, another machine, or afterwards."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ray_mtlkd.cli.paths import CodeDir, code_path
from ray_mtlkd.console.live import clock
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.shell import command

if TYPE_CHECKING:
    from ray_mtlkd.sweep.progress import SweepProgress

EXAMPLE = "Example: `ray-mtlkd status runs/first`"


def status(results: Annotated[str, typer.Argument(help="A sweep's directory or URI.")], code: CodeDir = None) -> None:
    """Say which trials have ended, which are open, who drives the sweep, and how the strategies stand on validation.

    Reads the folder alone, and changes nothing. Scores are of different seeds as long as some are missing: a report
    says what can be said of them.
    """
    from ray_mtlkd.sweep.progress import progress_of

    code_path(code)
    console = open_console()
    found = progress_of(results)
    console.print(_groups(found))
    if found.trials:
        console.print(_trials(found))
    failed = f", {found.failed} of them failed" if found.failed else ""
    console.print(f"{found.ended} of {found.planned} trials have ended{failed}", soft_wrap=True)
    _print_drivers(found, results, console)


def _groups(found: "SweepProgress") -> Table:
    table = Table(title=f"{found.name}: trials that have ended, best first", title_justify="left")
    for column in ("setup", "strategy"):
        table.add_column(column, overflow="fold")
    for column in ("ended", "failed", "validation skill", "seeds"):
        table.add_column(column, justify="right")
    for setup in dict.fromkeys(group.setup for group in found.groups):
        mine = [group for group in found.groups if group.setup == setup]
        mine.sort(key=lambda group: -2.0 if group.score is None else group.score, reverse=True)
        for at, group in enumerate(mine):
            ended = f"{group.ok + group.failed} / {group.planned}"
            score = "" if group.score is None else f"{100 * group.score:.2f}"
            seeds = str(group.seeds) if group.seeds else ""
            table.add_row("" if at else setup, group.strategy, ended, str(group.failed or ""), score, seeds)
        table.add_section()
    return table


def _trials(found: "SweepProgress") -> Table:
    table = Table(title="trials that have begun", title_justify="left")
    table.add_column("trial", overflow="fold")
    for column in ("step", "last checkpoint"):
        table.add_column(column, justify="right")
    for trial in found.trials:
        table.add_row(trial.name, f"{trial.step:,}", f"{clock(trial.age_s)} ago")
    return table


def _print_drivers(found: "SweepProgress", results: str, console: Console) -> None:
    told = {True: "drives it", None: "says to drive it, on another machine", False: "drove it, and is gone"}
    for claim, lives in found.drivers.items():
        console.print(f"{claim} {told[lives]}", soft_wrap=True)
    report = command("ray-mtlkd", "report", results)
    if found.ended >= found.planned:
        console.print(f"all have ended: {report}", soft_wrap=True)
        return
    if found.ended:
        console.print(f"what can be said by now: {report}", soft_wrap=True)
    if all(lives is False for lives in found.drivers.values()):
        resume = command("ray-mtlkd", "sweep", "--resume", results)
        console.print(f"nobody drives it; go on with: {resume}", soft_wrap=True)

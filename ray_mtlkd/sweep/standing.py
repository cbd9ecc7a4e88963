"""What people see of a sweep that runs: how far it is, which trials run, and how strategies stand so far."""

from collections.abc import Iterator
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ray_mtlkd.console.live import clock
from ray_mtlkd.sweep.status import RankedStrategy, Status

_NAME = 46
"""Letters of a trial's name that fit beside the rest."""
_MOST_TRIALS = 6
_MOST_STRATEGIES = 5
"""Of a setup."""


def said(status: Status) -> str:
    """How far the sweep is, in a line."""
    parts = [
        f"{status.done}/{status.total} trials done",
        f"{status.running} running",
        f"{status.failed} failed",
        f"{clock(status.elapsed_s)} elapsed",
        *([] if status.eta_s is None or not status.left else [f"ETA {clock(status.eta_s)}"]),
    ]
    return " \N{MIDDLE DOT} ".join(parts)


def said_leaders(status: Status) -> str:
    """The first of each setup, in a line; empty where there is none."""
    first = [next(group) for _, group in groupby(status.ranking, key=lambda each: each.setup)]
    told = "; ".join(f"{each.setup}: {each.strategy} {_points(each)} ({_of(each)})" for each in first)
    return f"best skill on validation so far, in points: {told}" if told else ""


def below(status: Status) -> Iterator[RenderableType]:
    """What stands below that line on a terminal and in a notebook."""
    if status.trials:
        yield _trials(status)
    if status.ranking:
        yield Text("mean skill on validation so far, in points (seeds may still differ):", style="dim")
        yield _ranking(status.ranking)


def _trials(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", min_width=len("running"))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAME)
    table.add_column(justify="right", min_width=len("step 100,000"))
    table.add_column(justify="right", min_width=len("100%"))
    for at, trial in enumerate(status.trials[:_MOST_TRIALS]):
        step = f"step {trial.step:,}" if trial.step else "begins"
        table.add_row("" if at else "running", trial.name, step, f"{trial.share:.0%}" if trial.step else "")
    if status.running > _MOST_TRIALS:
        table.add_row("", f"and {status.running - _MOST_TRIALS} more", "", "", style="dim")
    return table


def _ranking(ranking: tuple[RankedStrategy, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAME // 2)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=_NAME // 2)
    table.add_column(justify="right", min_width=len("100.00"))
    table.add_column(style="dim", min_width=len("best of the search"))
    for setup, group in groupby(ranking, key=lambda each: each.setup):
        found = list(group)
        for at, each in enumerate(found[:_MOST_STRATEGIES]):
            table.add_row("" if at else setup, each.strategy, _points(each), _of(each))
        if len(found) > _MOST_STRATEGIES:
            table.add_row("", f"and {len(found) - _MOST_STRATEGIES} more", style="dim")
    return table


def _points(each: RankedStrategy) -> str:
    return f"{100 * each.skill:.2f}"


def _of(each: RankedStrategy) -> str:
    return f"{each.seeds} seed{'s' * (each.seeds > 1)}" if each.seeds else "best of the search"

"""The command line: one file a verb, errors in one place."""

import sys
from typing import Annotated

import typer

import ray_mtlkd
from ray_mtlkd.cli import (
    check,
    classical,
    embed,
    export,
    group,
    init,
    predict,
    relabel,
    replay,
    report,
    serve,
    setups,
    status,
    strategies,
    sweep,
)
from ray_mtlkd.cli.streams import MISTAKE, print_errors, sound_streams
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError, gather

app = typer.Typer(
    name="ray-mtlkd",
    help="Run every multitask strategy on your own tasks under one fair protocol, and see which one to ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.command(name="init", epilog=init.EXAMPLE)(init.init)
app.command(name="sweep", epilog=sweep.EXAMPLE)(sweep.sweep)
app.command(name="status", epilog=status.EXAMPLE)(status.status)
app.command(name="group", epilog=group.EXAMPLE)(group.group)
app.command(name="check", epilog=check.EXAMPLE)(check.check)
app.command(name="predict", epilog=predict.EXAMPLE)(predict.predict)
app.command(name="relabel", epilog=relabel.EXAMPLE)(relabel.relabel)
app.command(name="embed", epilog=embed.EXAMPLE)(embed.embed)
app.command(name="export", epilog=export.EXAMPLE)(export.export)
app.command(name="serve", epilog=serve.EXAMPLE)(serve.serve)
app.command(name="report", epilog=report.EXAMPLE)(report.report)
app.command(name="replay", epilog=replay.EXAMPLE)(replay.replay)
app.command(name="classical", epilog=classical.EXAMPLE)(classical.classical)
app.command(name="strategies", epilog=strategies.EXAMPLE)(strategies.strategies)
app.add_typer(setups.app, name="setups")


def _print_version(*, asked: bool) -> None:
    if asked:
        open_console().print(f"ray-mtlkd {ray_mtlkd.__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What can be asked of the command without a verb."""


def main() -> None:
    """Run a verb; a user's mistake becomes a line each on stderr and exit code 2."""
    with sound_streams():
        problems: list[MtlkdError] = []
        with gather(problems):
            app()
        print_errors(problems)
        if problems:
            sys.exit(MISTAKE)

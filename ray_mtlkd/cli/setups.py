"""`ray-mtlkd setups`: which tasks can be learned together, and what is in their tables."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ray_mtlkd.cli.paths import DataDir
from ray_mtlkd.errors import MtlkdError

if TYPE_CHECKING:
    from ray_mtlkd.setups import Place

LIST_EXAMPLE = "Example: `ray-mtlkd setups list`"
DESCRIBE_EXAMPLE = "Example: `ray-mtlkd setups describe similar`"

app = typer.Typer(
    help="List the setups that are known, and describe their tables.",
    epilog=LIST_EXAMPLE,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command(name="list", epilog=LIST_EXAMPLE)
def list_(data_dir: DataDir = None) -> None:
    """List every built-in and public setup: its tasks, their kinds and rows, and whether its tables are here."""
    from ray_mtlkd import setups

    console = _console()
    table = _table("setups", left=("setup", "task", "kind"), right=("train", "valid", "test"))
    notes = []
    for name in setups.names():
        place = setups.locate(name, data_dir=data_dir)
        presence, rows = _look(place, data_dir)
        for at, (task, spec) in enumerate(place.manifest.tasks.items()):
            table.add_row("" if at else name, task, spec.kind, *rows.get(task, ("", "", "")))
        table.add_section()
        notes.append(f"{name}: {presence}. Source: {place.manifest.source}")
    console.print(table)
    for note in notes:
        console.print(note, markup=False, soft_wrap=True)


@app.command(epilog=DESCRIBE_EXAMPLE)
def describe(
    name: Annotated[str, typer.Argument(help="A setup's name (see `list`), or the path of a manifest.")],
    data_dir: DataDir = None,
) -> None:
    """Describe a setup: rows, inputs, label distribution, trivial baselines, duplicates between train and test.

    Every error in its manifest and tables is printed with its place and its fix; the exit code is 2 then.
    """
    from ray_mtlkd import setups
    from ray_mtlkd.setups.summary import summarise

    raw = setups.read(name, data_dir=data_dir)
    console = _console()
    console.print(f"{raw.manifest.name}: {raw.manifest.source or 'no source given'}", markup=False, soft_wrap=True)
    tables = _table("tables", left=("task", "kind and inputs"), right=("train", "valid", "test", "test rows in train"))
    labels = _table("labels of train", left=("task", "distribution", "metric"), right=("trivial valid", "trivial test"))
    for task in summarise(raw):
        both = "no text" if task.duplicates is None else f"{task.duplicates} ({task.duplicates / task.rows[2]:.1%})"
        tables.add_row(task.name, f"{task.kind}\n{escape(task.inputs)}", *(f"{rows:,}" for rows in task.rows), both)
        trivial = (f"{value:.4f}" for value in task.trivial)
        labels.add_row(task.name, escape("\n".join(task.labels)), task.metric, *trivial)
        labels.add_section()
    console.print(tables)
    console.print(labels)
    for warning in raw.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False, soft_wrap=True)


def _look(place: "Place", data_dir: Path | None) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Whether a setup's tables are here, and each task's rows where they are."""
    from ray_mtlkd import setups
    from ray_mtlkd.setups.summary import count_rows

    name = place.manifest.name
    if not place.built_in and place.missing:
        lacking = f"no {', '.join(place.missing)} in {place.folder}" if place.folder else "no --data-dir is given"
        return f"missing ({lacking})", {}
    try:
        raw = setups.read(name, data_dir=data_dir)
    except (MtlkdError, ExceptionGroup):
        return f"here, but broken (see `ray-mtlkd setups describe {name}`)", {}
    rows = {task.task.name: tuple(f"{count:,}" for count in count_rows(task)) for task in raw.tasks}
    return ("built in" if place.built_in else f"here ({place.folder})"), rows


def _table(title: str, *, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in left:
        table.add_column(column, overflow="fold", no_wrap=column in {"setup", "task", "kind", "metric"})
    for column in right:
        table.add_column(column, justify="right")
    return table


def _console() -> Console:
    return Console(highlight=False, emoji=False)

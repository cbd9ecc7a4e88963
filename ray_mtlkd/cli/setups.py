"""`ray-mtlkd setups`: which tasks can be learned together, and what is in their tables."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from ray_mtlkd.cli.paths import CodeDir, DataDir, code_path
from ray_mtlkd.console.live import bar
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.shell import command

if TYPE_CHECKING:
    from ray_mtlkd.setups import SetupLocation, ValidatedSetup
    from ray_mtlkd.setups.public.origin import PublicData
    from ray_mtlkd.setups.summary import TaskSummary

LIST_EXAMPLE = "Example: `ray-mtlkd setups list`"
DESCRIBE_EXAMPLE = "Example: `ray-mtlkd setups describe similar`"
FETCH_EXAMPLE = "Example: `ray-mtlkd setups fetch intents --data-dir data`"

app = typer.Typer(
    help="List the setups that are known, describe their tables, and fetch those of public ones.",
    epilog=LIST_EXAMPLE,
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command(name="list", epilog=LIST_EXAMPLE)
def list_(data_dir: DataDir = None) -> None:
    """List every built-in and public setup: its tasks, their kinds and rows, and whether its tables are here."""
    from ray_mtlkd import setups

    console = open_console()
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
        console.print(note, soft_wrap=True)


@app.command(epilog=DESCRIBE_EXAMPLE)
def describe(
    name: Annotated[str, typer.Argument(help="A setup's name (see `list`), or the path of a manifest.")],
    data_dir: DataDir = None,
    code: CodeDir = None,
    *,
    classical: Annotated[
        bool, typer.Option(help="Show classical models; they are computed the first time, a minute or two.")
    ] = True,
) -> None:
    """Describe a setup: rows, labels and their balance, trivial predictors and classical models, duplicate texts.

    Every error in its manifest and tables is printed with its place and its fix; the exit code is 2 then.
    """
    from ray_mtlkd import setups
    from ray_mtlkd.setups.duplicates import between
    from ray_mtlkd.setups.summary import summarise

    code_path(code)
    validated = setups.read(name, data_dir=data_dir)
    console = open_console()
    console.print(f"{validated.manifest.name}: {validated.manifest.source or 'no source given'}", soft_wrap=True)
    tasks = summarise(validated)
    console.print(_tables(tasks))
    console.print(_labels(tasks))
    if any(task.duplicates is not None for task in tasks):
        console.print(_duplicates(tasks))
    for overlap in between(validated):
        said = f"{overlap.rows} test row{'s' * (overlap.rows > 1)} of {overlap.task} in train of {overlap.other}"
        console.print(f"duplicates: {said}", soft_wrap=True)
    for warning in validated.warnings:
        console.print(f"warning: {warning}", style="yellow", soft_wrap=True)
    _print_references(validated, tasks, console, classical=classical)


@app.command(epilog=FETCH_EXAMPLE)
def fetch(
    name: Annotated[str, typer.Argument(help="A public setup's name (see `list`).")],
    data_dir: DataDir = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            help="Address that stands for https://raw.githubusercontent.com.", metavar="URL", show_default=False
        ),
    ] = None,
) -> None:
    """Fetch the tables of a public setup from their origin: pinned files, known by their SHA-256.

    Their licences are told first. Files are kept in the cache (`MTLKD_CACHE`), tables that are there stay, and nothing
    is left half-written: the same command goes on.
    """
    from ray_mtlkd import setups
    from ray_mtlkd.decode import unknown_name
    from ray_mtlkd.setups.catalogue import catalogue_names
    from ray_mtlkd.setups.public import ORIGIN, PUBLIC
    from ray_mtlkd.setups.public import fetch as fetch_tables

    if name not in catalogue_names():
        raise unknown_name(name, catalogue_names(), what="public setup", where="setups fetch")
    if data_dir is None:
        fix = "name the folder of all setups with --data-dir or MTLKD_DATA"
        raise MtlkdError("no data folder is known", where="setups fetch", fix=fix)
    console = open_console()
    place = setups.locate(setups.locate(name, data_dir=data_dir).holder, data_dir=data_dir)
    wanted = [data for data in PUBLIC[place.holder] if data in place.missing]
    for line in _licences(PUBLIC[place.holder], wanted):
        console.print(line, soft_wrap=True)
    if wanted:
        with bar(console) as tell:
            fetch_tables(place.manifest, wanted, data_dir / place.holder, mirror=mirror or ORIGIN, tell=tell)
    said = f"{', '.join(wanted)} \N{RIGHTWARDS ARROW} {data_dir / place.holder}" if wanted else "all tables are there"
    console.print(
        f"{said}; see `{command('ray-mtlkd', 'setups', 'describe', name, '--data-dir', data_dir)}`", soft_wrap=True
    )


def _licences(public: "Mapping[str, PublicData]", wanted: Sequence[str]) -> Iterator[str]:
    """What is known of them, and where the files are from."""
    for data in wanted:
        yield f"{data}: {public[data].licence}"
    for root in dict.fromkeys(source.root for data in wanted for source in public[data].sources):
        repository, commit = root.rsplit("/", 1)
        yield f"from https://github.com/{repository} at {commit}"


def _tables(tasks: "Sequence[TaskSummary]") -> Table:
    table = _table("tables", left=("task", "kind and inputs"), right=("train", "valid", "test"))
    for task in tasks:
        rows = [
            f"{rows:,}" + (f"\n{missing / (rows + missing):.1%} unlabelled" if missing else "")
            for rows, missing in zip(task.rows, task.missing, strict=True)
        ]
        beside = "" if task.unlabelled is None else f"\n{task.unlabelled:,} rows without labels beside train"
        table.add_row(task.name, f"{task.kind}\n{task.inputs}{beside}", *rows)
    return table


def _labels(tasks: "Sequence[TaskSummary]") -> Table:
    table = _table("labels of train", left=("task", "distribution and balance"), right=())
    for task in tasks:
        table.add_row(task.name, "\n".join((*task.labels, *([task.imbalance] if task.imbalance else []))))
        table.add_section()
    return table


def _duplicates(tasks: "Sequence[TaskSummary]") -> Table:
    from ray_mtlkd.data.examples import SPLITS
    from ray_mtlkd.setups.duplicates import PAIRS

    names = [f"{rows} rows\nin {other}" for rows, other in PAIRS]
    table = _table("duplicate texts, letter by letter", left=("task",), right=tuple(names))
    for task in tasks:
        whole = {split: sum(counts) for split, *counts in zip(SPLITS, task.rows, task.missing, strict=True)}
        if task.duplicates is not None:
            found = [(task.duplicates[pair], whole[pair[0]]) for pair in PAIRS]
            table.add_row(task.name, *(f"{rows:,} ({rows / of:.1%})" for rows, of in found))
    return table


def _print_references(
    validated: "ValidatedSetup", tasks: "Sequence[TaskSummary]", console: Console, *, classical: bool
) -> None:
    """The trivial and, where they are wanted, the classical models, which may have to be computed first."""
    from ray_mtlkd import classical as models
    from ray_mtlkd.cli.classical import four_digits, print_classical

    def say(line: str) -> None:
        console.print(line, style="dim", soft_wrap=True)

    found = models.known(validated, say=say) if classical else models.ClassicalResults(records=())
    if found is None:
        say("computing classical models; --no-classical leaves them out")
        with bar(console) as tell:
            found = models.compute(validated, say=say, tell=tell)
        models.remember(found, say=say)
    if found.records:
        print_classical(found.records, console)
    for problem in found.problems:
        console.print(f"warning: no classical model: {problem}", style="yellow", soft_wrap=True)
    told = {record.task for record in found.records}
    if len(told) < len(tasks):
        table = _table("trivial predictors", left=("task", "metric"), right=("valid", "test"))
        for task in tasks:
            if task.name not in told:
                table.add_row(task.name, task.metric, *(four_digits(value) for value in task.trivial))
        console.print(table)


def _look(place: "SetupLocation", data_dir: Path | None) -> tuple[str, dict[str, tuple[str, ...]]]:
    """Whether a setup's tables are here, and each task's rows where they are."""
    from ray_mtlkd import setups
    from ray_mtlkd.setups.summary import count_rows

    name = place.manifest.name
    if not place.built_in and place.missing:
        lacking = f"no {', '.join(place.missing)} in {place.folder}" if place.folder else "no --data-dir is given"
        return f"missing ({lacking}); `{command('ray-mtlkd', 'setups', 'fetch', name)}` fetches them", {}
    try:
        validated = setups.read(name, data_dir=data_dir)
    except (MtlkdError, ExceptionGroup):
        options = () if data_dir is None else ("--data-dir", data_dir)
        return f"here, but broken (see `{command('ray-mtlkd', 'setups', 'describe', name, *options)}`)", {}
    rows = {task.task.name: tuple(f"{count:,}" for count in count_rows(task)) for task in validated.tasks}
    return ("built in" if place.built_in else f"here ({place.folder})"), rows


def _table(title: str, *, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in left:
        table.add_column(column, overflow="fold", no_wrap=column in {"setup", "task", "kind", "metric"})
    for column in right:
        table.add_column(column, justify="right")
    return table

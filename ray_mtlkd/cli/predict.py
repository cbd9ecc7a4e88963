"""`ray-mtlkd predict`: what a kept model says of a table, in the terms of its labels."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ray_mtlkd.cli.options import AllowUnseen, CsvEncoding
from ray_mtlkd.cli.paths import CodeDir, KeptModel, code_path
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    import pyarrow as pa

    from ray_mtlkd.tasks.task import Task

EXAMPLE = (
    "Example: `ray-mtlkd predict runs/first/models/shop-sum-c0-s1 --data new.csv --task category --out predictions.csv`"
)
_SHOWN = 10
"""Rows that the terminal shows where no file is asked for."""


def predict(
    model: KeptModel,
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="A local .parquet, .csv, .csv.gz or .arrow file, a folder of such, or a pattern, e.g. 'new/*.csv'.",
            show_default=False,
        ),
    ],
    task: Annotated[
        list[str] | None, typer.Option(help="Several may be given. [default: all of the model's]", show_default=False)
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column to copy; several may be given.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A new .parquet, .csv or .arrow file. [default: show some rows]", show_default=False),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="Also write the probability of every class, a column each.")
    ] = False,
    encoding: CsvEncoding = None,
    allow_unseen: AllowUnseen = 0.5,
    code: CodeDir = None,
) -> None:
    """Predict the rows of files by a trained model: class names, numbers in the label's own unit, tags.

    The columns that a task reads are as in its setup. Each row gets one of the output, in the same order: its number,
    the key, and for each task the prediction and how probable the model holds it. Rows of several files are numbered on
    in the order of their names. Data sets that do not fit into memory are for `relabel`.
    """
    with importing():
        import pyarrow as pa

        from ray_mtlkd import load_model
        from ray_mtlkd.predict.files import read_tables
        from ray_mtlkd.predict.frames import predict_tables, requests_of
        from ray_mtlkd.predict.predictions import class_columns, columns
        from ray_mtlkd.tasks.kinds import kind_of

    code_path(code)
    console = open_console()
    kept = load_model(model, task=task[0] if task else None)
    requests = requests_of(kept, task or [known.name for known in kept.tasks])
    tasks = [kept.tasks[kept.index(name)] for name in requests]
    keys = tuple(dict.fromkeys(key or ()))
    _check_out(out, lists=[known.name for known in tasks if kind_of(known).labels in {"classes", "tags"}])
    shares = [name for known in tasks for name in class_columns(known)] if probabilities else []
    _check_names(["row", *keys, *(name for known in tasks for name in columns(known)), *shares])
    tables, copied, notes = read_tables(data, requests, keys=keys, encoding=encoding)
    said = predict_tables(kept, tables, where=str(data), allow_unseen=allow_unseen, probabilities=probabilities)
    for note in dict.fromkeys((*notes, *said.notes)):
        console.print(f"note: {note}", soft_wrap=True)
    parts = (pa.table({"row": range(said.table.num_rows)}), copied, said.table)
    found = pa.table({name: part[name] for part in parts for name in part.column_names})
    if out is None:
        count = f"{min(_SHOWN, found.num_rows)} of {found.num_rows} rows"
        console.print(f"{count} by {kept.origin.trial}; --out writes them all", soft_wrap=True)
        _show(found, tasks, console)
    else:
        _write(found, out)
        console.print(f"{found.num_rows} rows by {kept.origin.trial} → {out}", soft_wrap=True)


def _check_out(out: Path | None, *, lists: Sequence[str]) -> None:
    """Refuse a place that cannot be written before the model predicts, not after it."""
    if out is None:
        return
    where = f"--out {out}"
    if out.suffix not in _WRITERS:
        raise MtlkdError("no format has this ending", where=where, fix=f"use one of: {', '.join(_WRITERS)}")
    if out.exists() or not out.absolute().parent.is_dir():
        what = "is there already" if out.exists() else "its folder does not exist"
        raise MtlkdError(what, where=where, fix="give a new file in a folder that exists")
    if lists and out.suffix == ".csv":
        fix = "write .parquet or .arrow, or leave these tasks out"
        raise MtlkdError(f"{', '.join(lists)}: a list of labels a row does not fit into CSV", where=where, fix=fix)


def _check_names(names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fix = "leave it out: the output has such a column of its own"
        raise MtlkdError(f"two columns would be called {', '.join(twice)}", where="--key", fix=fix)


def _to_parquet(table: "pa.Table", stream: Any) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(table, stream)


def _to_csv(table: "pa.Table", stream: Any) -> None:
    from ray_mtlkd.csv_writing import write_csv

    write_csv(table, stream, quoting_header="needed")


def _to_arrow(table: "pa.Table", stream: Any) -> None:
    import pyarrow.feather

    pyarrow.feather.write_feather(table, stream, compression="uncompressed")


_WRITERS: Mapping[str, Callable[["pa.Table", Any], None]] = {
    ".parquet": _to_parquet,
    ".csv": _to_csv,
    ".arrow": _to_arrow,
    ".feather": _to_arrow,
}


def _write(table: "pa.Table", out: Path) -> None:
    """The whole file or none."""
    import pyarrow as pa

    from ray_mtlkd.storage import Storage, reaching

    try:
        with reaching(str(out)), Storage.at(str(out.absolute().parent)).writing(out.name) as stream:
            _WRITERS[out.suffix](table, stream)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        said = first_line(error)
        fix = "write .parquet, or leave that --key out"
        raise MtlkdError(f"a column does not fit there ({said})", where=f"--out {out}", fix=fix) from error


def _show(table: "pa.Table", tasks: "Sequence[Task]", console: Console) -> None:
    """Some rows, a column a task."""
    from ray_mtlkd.predict.predictions import columns
    from ray_mtlkd.tasks.kinds import kind_of

    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    answered = {name for task in tasks for name in columns(task)}
    others = [name for name in table.column_names if name not in answered]
    for name in (*others, *(task.name for task in tasks)):
        shown.add_column(name, overflow="fold")
    for row in table.slice(0, _SHOWN).to_pylist():
        cells = [str(row[name]) for name in others]
        cells += [
            _cell(*(row[name] for name in columns(task) if name in row), is_ranked=kind_of(task).per_group)
            for task in tasks
        ]
        shown.add_row(*cells)
    console.print(shown)


def _cell(said: Any, beside: Any = None, *, is_ranked: bool) -> str:
    """``3.142``, ``0.52 (rank 3)``, ``yes (0.98)``, ``B-X, O, O``, or a dash where no label is likely."""
    if isinstance(said, list):
        return ", ".join(map(str, said)) or "\N{EN DASH}"
    shown = f"{said:.6g}" if isinstance(said, float) else str(said)
    if beside is None:
        return shown
    return f"{shown} (rank {beside})" if is_ranked else f"{shown} ({beside:.2f})"

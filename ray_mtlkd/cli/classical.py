"""`ray-mtlkd classical`: what classical models reach on a setup's tasks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ray_mtlkd.cli.paths import CodeDir, DataDir, code_path
from ray_mtlkd.cli.streams import lasting
from ray_mtlkd.console.live import bar
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError, raise_all

if TYPE_CHECKING:
    from ray_mtlkd.records import ClassicalRecord

EXAMPLE = "Example: `ray-mtlkd classical similar --out classical.parquet`"


@lasting()
def classical(
    name: Annotated[str, typer.Argument(help="A setup's name (see `setups list`), or the path of a manifest.")],
    data_dir: DataDir = None,
    code: CodeDir = None,
    out: Annotated[Path | None, typer.Option(help="Parquet file to write to.", show_default=False)] = None,
) -> None:
    """Compute the classical model of every task: TF-IDF, gradient boosting and the like, no network.

    Fitted on train, chosen on validation, measured on test with the task's own metric. `setups describe`, sweeps and
    reports show the same figures; this verb always computes them anew. It takes a minute or two for the public setups.
    """
    from ray_mtlkd import classical as models
    from ray_mtlkd import setups

    code_path(code)
    console = open_console()

    def say(line: str) -> None:
        console.print(line, style="dim", soft_wrap=True)

    if out is not None:
        _check(out)
    validated = setups.read(name, data_dir=data_dir)
    with bar(console) as tell:
        found = models.compute(validated, say=say, tell=tell)
    models.remember(found, say=say)
    if found.records:
        print_classical(found.records, console)
    if out is not None and found.records:
        _write(found.records, out)
        console.print(f"written: {out}", soft_wrap=True)
    raise_all("classical", found.problems)


def print_classical(records: "Sequence[ClassicalRecord]", console: Console) -> None:
    """A row a task: what classical models reach, beside the trivial predictor."""
    table = Table(
        title="classical models", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False
    )
    table.add_column("task, metric and model", overflow="fold")
    for column in ("trivial\ntest", "classical\nvalid", "classical\ntest", "CPU s"):
        table.add_column(column, justify="right")
    for record in records:
        about = f"{record.task}: {record.metric} {'↑' if record.sign > 0 else '↓'}\n {record.model}"
        figures = (record.trivial_test, record.valid, record.test)
        table.add_row(about, *(four_digits(figure) for figure in figures), f"{record.cpu_s:.1f}")
    console.print(table)


def four_digits(figure: float) -> str:
    """A metric as tables print it."""
    return f"{round(figure, 4) + 0.0:.4f}"  # no -0.0000


def _check(out: Path) -> None:
    """Refuse a place that cannot be written before minutes of work, not after them."""
    if out.is_dir() or not out.absolute().parent.is_dir():
        what = "is a folder" if out.is_dir() else "its folder does not exist"
        raise MtlkdError(what, where=f"--out {out}", fix="give a file in a folder that exists")


def _write(records: "Sequence[ClassicalRecord]", out: Path) -> None:
    import pyarrow.parquet as pq

    from ray_mtlkd.records import classical_to_table

    try:
        pq.write_table(classical_to_table(records), out)
    except OSError as error:
        raise MtlkdError(f"cannot be written ({error.strerror})", where=f"--out {out}", fix="give another") from error

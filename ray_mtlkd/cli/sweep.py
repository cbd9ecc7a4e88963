"""`ray-mtlkd sweep`: run a search space, then report."""

import importlib
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.leaving import end_at_once
from ray_mtlkd.cli.paths import CodeDir, DataDir, code_path
from ray_mtlkd.cli.stops import stoppable
from ray_mtlkd.cli.streams import lasting
from ray_mtlkd.cluster.address import WAIT_S
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing, unsearched
from ray_mtlkd.shell import command
from ray_mtlkd.storage import reaching
from ray_mtlkd.sweep.display import SweepDisplay
from ray_mtlkd.sweep.run import SweepRequest, sweep_on
from ray_mtlkd.sweep.status import Status

EXAMPLE = "Example: `ray-mtlkd sweep search_spaces/quickstart.yaml --out runs/first`"


@lasting()
def sweep(
    space: Annotated[
        Path | None,
        typer.Argument(help="A search space, e.g. search_spaces/quickstart.yaml; with --resume: that of the sweep."),
    ] = None,
    *,
    out: Annotated[
        str | None, typer.Option(help="Folder or URI to write to [default: runs/NAME-TIME].", show_default=False)
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Folder or URI of a sweep to go on with.", metavar="DIR", show_default=False)
    ] = None,
    extend: Annotated[
        str | None, typer.Option(help="Folder or URI of a sweep to add to.", metavar="DIR", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    code: CodeDir = None,
    wait: Annotated[float, typer.Option(help="Seconds that Ray may take to answer.", min=1)] = WAIT_S,
) -> None:
    """Search and replicate every strategy on every setup, then write the report.

    Runs on this machine, or on the Ray cluster at RAY_ADDRESS. The folder gets the records, a report and TensorBoard
    event files. Finished trials never run again: after an interruption, go on with --resume. --extend adds what SPACE
    has more of (seeds, configurations, strategies, setups) and runs only that. That every trial failed is an error, and
    the exit code 2.
    """
    request = SweepRequest(space=space, out=out, resume=resume, extend=extend, data_dir=data_dir)
    own = code_path(code)
    console = open_console()
    ahead = ReportAhead()
    display = SweepDisplay(console, look=ahead.look)

    def tell() -> None:
        rest = _going_on(display.uri if display.has_begun else None, data_dir=data_dir, code=code)
        console.print(f"stopped; go on with: {rest}" if rest else "stopped; nothing has run", soft_wrap=True)

    with stoppable(tell) as stop:
        from ray_mtlkd.cluster.connection import connect

        with connect(code=own, wait_s=wait, on_lost=end_at_once) as cluster, stop.told():
            with display:
                ended = sweep_on(cluster, request, listener=display)
            ahead.wait()
            cluster.stop()
            finish(ended.uri, failed=ended.failed, console=console)
    if not ended.ok:
        raise MtlkdError(f"all {ended.failed} trials failed", where=ended.uri, fix="see the report for their errors")


def _going_on(uri: str | None, *, data_dir: Path | None, code: Path | None) -> str | None:
    """The command, from any folder; None where there is nothing to go on with."""
    if uri is None:
        return None
    options = {"--resume": uri, "--data-dir": data_dir and data_dir.absolute(), "--code": code and code.absolute()}
    given = [word for option, value in options.items() if value is not None for word in (option, value)]
    return command("ray-mtlkd", "sweep", *given)


def finish(uri: str, *, failed: int, console: Console) -> None:
    """Report, and say where everything is."""
    with importing():
        from ray_mtlkd import build_report
        from ray_mtlkd.cli.report import print_report
        from ray_mtlkd.sweep.overview import write_verdict
        from ray_mtlkd.sweep_folder import SweepFolder

    folder = SweepFolder.at(uri)
    with unsearched():
        report = build_report([uri], folder.report.uri)
    print_report(report, console, failed=failed)
    console.print(command("tensorboard", "--logdir", folder.tensorboard.uri), soft_wrap=True)
    with unsearched(), reaching(folder.uri):
        write_verdict(folder, verdict=report.advice.said, gains=report.gains_png())


class ReportAhead:
    """Imports what the report needs as soon as a core has nothing left to do: plotting takes a second to import."""

    def __init__(self) -> None:
        self._most = 0
        self._thread: threading.Thread | None = None

    def look(self, status: Status) -> None:
        """One moment of the sweep."""
        self._most = max(self._most, status.running)
        if self._thread is None and status.left == status.running < self._most:
            self._thread = threading.Thread(target=_import_report, daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Return when it is done: two threads that import parts of one package get in each other's way."""
        if self._thread is not None:
            self._thread.join()


def _import_report() -> None:
    with importing():
        importlib.import_module("ray_mtlkd.report")

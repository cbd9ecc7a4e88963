"""`ray-mtlkd sweep`: run a search space, then report."""

import datetime as dt
import importlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.live import LiveLine, clock
from ray_mtlkd.cli.paths import CodeDir, DataDir, SpaceFile, absolute, code_path
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing
from ray_mtlkd.sweep.status import Status

if TYPE_CHECKING:
    from ray_mtlkd.cluster.connection import Cluster
    from ray_mtlkd.sweep.archive import Counts
    from ray_mtlkd.sweep.prepare import Prepared
    from ray_mtlkd.sweep.tuner import SweepTarget

EXAMPLE = "Example: `ray-mtlkd sweep search_spaces/quickstart.yaml --out runs/first`"


def sweep(
    space: SpaceFile,
    out: Annotated[
        str | None, typer.Option(help="Folder or URI to write to [default: runs/NAME-TIME].", show_default=False)
    ] = None,
    resume: Annotated[
        str | None, typer.Option(help="Folder or URI of a sweep to go on with.", metavar="DIR", show_default=False)
    ] = None,
    data_dir: DataDir = None,
    code: CodeDir = None,
) -> None:
    """Search and replicate every strategy on every setup, then write the report.

    Runs on this machine, or on the Ray cluster at RAY_ADDRESS. The folder gets the records, a report and TensorBoard
    event files. Finished trials never run again: after an interruption, go on with --resume. That every trial
    failed is an error, and the exit code 2.
    """
    if out is not None and resume is not None:
        raise MtlkdError("both are given", where="--out and --resume", fix="give only one of them")
    own = code_path(code)
    console = Console(highlight=False, emoji=False)
    from ray_mtlkd.cluster.connection import connect

    with connect(code=own) as cluster:
        if resume is None:
            cluster.start()  # first of all: it takes as long as the imports below
        _sweep(space, out=out, resume=resume, data_dir=data_dir, cluster=cluster, console=console)


def _sweep(
    space: Path, *, out: str | None, resume: str | None, data_dir: Path | None, cluster: "Cluster", console: Console
) -> None:
    with importing():
        from ray_mtlkd.storage import reaching
        from ray_mtlkd.sweep import output
        from ray_mtlkd.sweep.prepare import prepare
        from ray_mtlkd.sweep.space import read_space
        from ray_mtlkd.sweep.tuner import SweepTarget
        from ray_mtlkd.sweep_folder import SweepFolder

    found = read_space(space)
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
    uri = absolute(resume or out or f"runs/{found.name}-{now}")
    with reaching(uri):
        if resume is None:
            output.check_empty(SweepFolder.at(uri))
        else:
            output.check_space(SweepFolder.at(uri), found.fingerprint)
    prepared = prepare(found, data_dir=data_dir, say=lambda line: console.print(f"{line} …", style="dim"))
    for warning in prepared.warnings:
        console.print(f"warning: {warning}", style="yellow", markup=False)
    console.print(f"{prepared.plan.size} trials → {uri}", soft_wrap=True, markup=False)
    try:
        ended = _run(
            prepared,
            SweepTarget(uri=uri, resume=resume is not None),
            cluster=cluster,
            space_text=space.read_text(encoding="utf-8"),
            console=console,
        )
    except KeyboardInterrupt:
        console.print(f"stopped; go on with: ray-mtlkd sweep {space} --resume {uri}", soft_wrap=True, markup=False)
        raise typer.Exit(130) from None
    cluster.stop()
    finish(uri, failed=ended.failed, console=console)
    if not ended.ok:
        raise MtlkdError(f"all {ended.failed} trials failed", where=uri, fix="see the report for their errors")


def _run(
    prepared: "Prepared", target: "SweepTarget", *, cluster: "Cluster", space_text: str, console: Console
) -> "Counts":
    from ray_mtlkd.sweep.tuner import run_sweep

    ahead = ReportAhead()
    with LiveLine(console, "starting Ray …") as progress:

        def tell(status: Status) -> None:
            progress.show(_line(status), over=status.done + status.failed == status.total)
            ahead.look(status)

        return run_sweep(
            prepared,
            target,
            cluster=cluster,
            space_text=space_text,
            tell=tell,
            say=lambda line: console.print(line, style="yellow", markup=False, soft_wrap=True),
        )


def finish(uri: str, *, failed: int, console: Console) -> None:
    """Report, and say where everything is."""
    with importing():
        from ray_mtlkd.cli.report import print_report
        from ray_mtlkd.report import build
        from ray_mtlkd.sweep_folder import SweepFolder

    folder = SweepFolder.at(uri)
    report = build([uri], folder.report.uri)
    print_report(report, console, failed=failed)
    console.print(f"tensorboard --logdir {folder.tensorboard.uri}", soft_wrap=True, markup=False)


class ReportAhead:
    """Imports what the report needs as soon as a core has nothing left to do: plotting takes a second to import."""

    def __init__(self) -> None:
        self._most = 0
        self._started = False

    def look(self, status: Status) -> None:
        """One moment of the sweep."""
        self._most = max(self._most, status.running)
        left = status.total - status.done - status.failed
        if not self._started and left == status.running < self._most:
            self._started = True
            threading.Thread(target=_import_report, daemon=True).start()


def _import_report() -> None:
    with importing():
        importlib.import_module("ray_mtlkd.report")


def _line(status: Status) -> str:
    """How far the sweep is."""
    eta = "…" if status.eta_s is None else clock(status.eta_s)
    parts = [
        f"{status.done}/{status.total} trials done",
        f"{status.running} running",
        f"{status.failed} failed",
        f"{clock(status.elapsed_s)} elapsed",
        f"ETA {eta}",
    ]
    best = ", ".join(f"{leader.setup}: {leader.strategy} {leader.score:.3f}" for leader in status.best)
    return " · ".join(parts) + (f" · best validation score {best}" if best else "")

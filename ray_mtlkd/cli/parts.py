"""What verbs have in common that do a data set part by part: options, the pool at work, and what is said of it."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.leaving import end_at_once
from ray_mtlkd.cli.stops import stoppable
from ray_mtlkd.cluster.address import waiting
from ray_mtlkd.console.live import LiveLine, clock
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    from ray_mtlkd.predict.dataset.work import Done, Work

RowsPerPart = Annotated[int, typer.Option(help="Rows of an output file, at most.")]
ActorCount = Annotated[int | None, typer.Option(help="[default: CPUs of the cluster].", show_default=False)]
GpusPerActor = Annotated[float, typer.Option(help="Above 0: predict on GPUs.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for Ray, and then for a free CPU.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")]


@dataclass(frozen=True, kw_only=True)
class PoolOptions:
    """Who does the parts, and how long to wait for them.

    Attributes:
        actors: At most; None for the CPUs of the cluster.
        gpus: Of each.
        wait_s: For Ray, and then for a free CPU.
        code: Folder whose modules actors can import.
    """

    actors: int | None
    gpus: float
    wait_s: float
    code: str | None = None

    def __post_init__(self) -> None:
        """Refuse what nobody can have.

        Raises:
            MtlkdError: naming the option.
        """
        from ray_mtlkd.ranges import is_share

        for option, value, least in (("actors", self.actors, 1), ("wait", self.wait_s, 0)):
            if value is not None and value < least:
                raise MtlkdError(f"{value:g} is out of range", where=f"--{option}", fix=f"give {least} or more")
        if not is_share(self.gpus):
            fix = "give a part of one, from 0 to 1, or a whole number"
            raise MtlkdError(f"no process gets {self.gpus:g} GPUs", where="--gpus-per-actor", fix=fix)


def do_parts(work: "Work", options: PoolOptions, *, made: str, console: Console) -> None:
    """Do the parts that are left, and say so.

    Args:
        work: What there is to do.
        options: Who does it.
        made: What is there then, in words.
        console: Where it is said.

    Raises:
        Exit: where it was stopped.
    """
    from ray_mtlkd.predict.dataset.work import finish

    for warning in work.warnings:
        console.print(f"note: {warning}", soft_wrap=True)
    said = f"{work.source.rows} rows in {len(work.layout.parts)} parts"
    if work.complete:
        console.print(f"complete already: {said} → {work.out}", soft_wrap=True)
        return
    there = f" ({len(work.done)} parts are there already)" if work.done else ""
    console.print(f"{said}{there} → {work.out}", soft_wrap=True)
    if not work.left:
        finish(work, [])
    else:
        with stoppable(lambda: console.print("stopped; the same command goes on")):
            _run(work, options, console)
    console.print(f"{made} → {work.out}", soft_wrap=True)


def _run(work: "Work", options: PoolOptions, console: Console) -> None:
    from ray_mtlkd.cluster.connection import connect

    # Ray Data starts three actors of its own before those that compute: each would first import PyTorch.
    with (
        _line(console) as line,
        connect(preload=False, code=options.code, wait_s=max(1.0, options.wait_s), on_lost=end_at_once) as cluster,
    ):
        cluster.start()  # it takes as long as the imports below
        with importing():
            from ray_mtlkd.cluster.actor_pool import Pool
            from ray_mtlkd.predict.dataset.pool import compute

        cluster.wait()
        meter = _Meter(work)

        def tell(done: "Done") -> None:
            said = meter.say(done)
            if line is not None:
                line.show(said, over=meter.is_over)

        pool = Pool(actors=options.actors, gpus=options.gpus, wait_s=options.wait_s)
        with cluster.watched(fix="start the cluster again: the same command goes on"):
            compute(work, pool, tell=tell)


@contextmanager
def _line(console: Console) -> Iterator[LiveLine | None]:
    if console.quiet:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield None  # Ray prints what becomes of its processes, whatever it is told
    else:
        with LiveLine(console, waiting()) as line:
            yield line


class _Meter:
    """Counts rows and time; speed counts from the first part on, once there is a second: actors take long to start."""

    def __init__(self, work: "Work") -> None:
        self._total = work.source.rows
        self._rows = sum(each.rows for each in work.done)
        self._started = time.monotonic()
        self._since = (self._started, self._rows)
        self._parts = 0

    @property
    def is_over(self) -> bool:
        """Whether all rows are done."""
        return self._rows == self._total

    def say(self, done: "Done") -> str:
        """The line after one more part."""
        self._rows += 0 if done.written is None else done.written.rows
        now = time.monotonic()
        rate = (self._rows - self._since[1]) / max(now - self._since[0], 1e-9)
        self._parts += 1
        if self._parts == 1:
            self._since = (now, self._rows)
        left = (self._total - self._rows) / rate if rate > 0 else 0.0
        return (
            f"{self._rows}/{self._total} rows ({self._rows / self._total:.0%}) · {rate:.0f} rows/s"
            f" · {clock(now - self._started)} elapsed · ETA {clock(left)}"
        )

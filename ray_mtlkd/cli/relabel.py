"""`ray-mtlkd relabel`: a kept model predicts a Parquet data set of any size."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.live import LiveLine, clock, waiting_for_ray
from ray_mtlkd.cli.options import AllowUnseen
from ray_mtlkd.cli.paths import CodeDir, code_path
from ray_mtlkd.cli.stops import stoppable
from ray_mtlkd.cli.streams import lasting, open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    from ray_mtlkd.predict.dataset.labels import Precision, Settings, Values
    from ray_mtlkd.predict.dataset.work import Done, Work

EXAMPLE = (
    "Example: `ray-mtlkd relabel --checkpoint runs/first/models/similar-joint_kd-c0-s1 --task large"
    " --data events/ --out labels/`"
)


@lasting()
def relabel(
    *,
    checkpoint: Annotated[str, typer.Option(help="A sweep's models/TRIAL.", metavar="DIR", show_default=False)],
    task: Annotated[str, typer.Option(help="Whose head predicts.", show_default=False)],
    data: Annotated[
        str, typer.Option(help="Parquet files: a folder, or a pattern in quotes.", metavar="DIR", show_default=False)
    ],
    out: Annotated[str, typer.Option(help="Folder or URI of the labels.", metavar="DIR", show_default=False)],
    values: Annotated[str, typer.Option(help="logits or probabilities.")] = "logits",
    dtype: Annotated[str, typer.Option(help="float32 or float16.")] = "float32",
    top_k: Annotated[
        int | None, typer.Option(help="Store only the K most likely classes.", metavar="K", show_default=False)
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column to copy; several may be given.", show_default=False)
    ] = None,
    rows_per_part: Annotated[int, typer.Option(help="Rows of an output file, at most.")] = 100_000,
    allow_unseen: AllowUnseen = 0.5,
    actors: Annotated[int | None, typer.Option(help="[default: CPUs of the cluster].", show_default=False)] = None,
    gpus_per_actor: Annotated[float, typer.Option(help="Above 0: predict on GPUs.")] = 0.0,
    wait: Annotated[float, typer.Option(help="Seconds to wait for Ray, and then for a free CPU.")] = 60.0,
    code: CodeDir = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Label every row of a Parquet data set by a trained model, on this machine or the Ray cluster at RAY_ADDRESS.

    The columns that the model reads are as in its setup. The output has one file a part, in the order of the rows, and
    a manifest. After an interruption, the same command goes on; the labels are the same bits in the end.
    """
    with importing():
        from ray_mtlkd.predict.dataset.work import finish, plan
        from ray_mtlkd.ranges import is_share
        from ray_mtlkd.storage import absolute

    own = code_path(code)
    console = open_console(quiet=quiet)
    settings = _settings(task, values=values, dtype=dtype, top_k=top_k, key=tuple(key or ()))
    for option, value, least in (("actors", actors, 1), ("wait", wait, 0)):
        if value is not None and value < least:
            raise MtlkdError(f"{value:g} is out of range", where=f"--{option}", fix=f"give {least} or more")
    if not is_share(gpus_per_actor):
        fix = "give a part of one, from 0 to 1, or a whole number"
        raise MtlkdError(f"no process gets {gpus_per_actor:g} GPUs", where="--gpus-per-actor", fix=fix)
    work = plan(
        checkpoint=absolute(checkpoint),
        data=absolute(data),
        out=absolute(out),
        settings=settings,
        rows_per_part=rows_per_part,
        allow_unseen=allow_unseen,
    )
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
        with stoppable() as stop:
            try:
                _run(work, actors=actors, gpus=gpus_per_actor, wait_s=wait, code=own, console=console)
            except KeyboardInterrupt:
                console.print("stopped; the same command goes on")
                raise typer.Exit(stop.code) from None
    console.print(f"labels of {task} by teacher {work.teacher[:12]} → {work.out}", soft_wrap=True)


def _settings(task: str, *, values: str, dtype: str, top_k: int | None, key: tuple[str, ...]) -> "Settings":
    from ray_mtlkd.predict.dataset.labels import Settings

    known: tuple[Values, ...] = ("logits", "probabilities")
    types: tuple[Precision, ...] = ("float32", "float16")
    if values not in known:
        raise MtlkdError(f"{values!r} is not known", where="--values", fix=f"use one of: {', '.join(known)}")
    if dtype not in types:
        raise MtlkdError(f"{dtype!r} is not known", where="--dtype", fix=f"use one of: {', '.join(types)}")
    return Settings(task=task, values=known[known.index(values)], dtype=types[types.index(dtype)], top_k=top_k, key=key)


def _run(work: "Work", *, actors: int | None, gpus: float, wait_s: float, code: str | None, console: Console) -> None:
    from ray_mtlkd.cluster.connection import connect

    # Ray Data starts three actors of its own before those that predict: each would first import PyTorch.
    with _line(console) as line, connect(preload=False, code=code, wait_s=max(1.0, wait_s)) as cluster:
        cluster.start()  # it takes as long as the imports below
        with importing():
            from ray_mtlkd.predict.dataset.pool import Pool
            from ray_mtlkd.predict.dataset.pool import relabel as run

        cluster.wait()
        meter = _Meter(work)

        def tell(done: "Done") -> None:
            said = meter.say(done)
            if line is not None:
                line.show(said, over=meter.is_over)

        run(work, Pool(actors=actors, gpus=gpus, wait_s=wait_s), tell=tell)


@contextmanager
def _line(console: Console) -> Iterator[LiveLine | None]:
    if console.quiet:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
            yield None  # Ray prints what becomes of its processes, whatever it is told
    else:
        with LiveLine(console, waiting_for_ray()) as line:
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

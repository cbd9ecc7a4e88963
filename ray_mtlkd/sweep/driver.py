"""What the process does that drives a sweep: read, check, run, and say what became of it."""

import datetime as dt
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from ray_mtlkd.storage import absolute, reaching
from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.lock import Lock
from ray_mtlkd.sweep.machine import check_gpus
from ray_mtlkd.sweep.overview import write_columns
from ray_mtlkd.sweep.portable import portable, space_of
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.run import SweepEnd, SweepListener, SweepRequest
from ray_mtlkd.sweep.space import SearchSpace, parse_space
from ray_mtlkd.sweep.trackers.tracking import check_installed, placed, tracked
from ray_mtlkd.sweep_folder import HEAD, SweepFolder
from ray_mtlkd.yaml_files import read_text

if TYPE_CHECKING:
    from ray_mtlkd.cluster.connection import Cluster


def drive(cluster: "Cluster", request: SweepRequest, *, listener: SweepListener) -> SweepEnd:
    """A whole sweep, or the rest of one, on a cluster that need not have started.

    Raises:
        MtlkdError: the only problem; nothing has run.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    with _space_file(request) as path:
        text = read_text(path)
        space = parse_space(text, path)
        folder = _target(request, space)
        with Lock(folder, say=listener.warn) as lock:
            if request.known is not None:  # before tables are read, which may take long
                with reaching(folder.uri):
                    lock.take()
            prepared = prepare(space, data_dir=request.data_dir, compute=False, say=listener.prepare)
            check_gpus(prepared)
            check_installed(space.tracking)
            places = placed(space.tracking)
            files = portable(text, path, space.setups, data_dir=request.data_dir, trackers=places)
            head = output.new_head(space.name, prepared.content)
            if request.known is not None:
                head = output.check_same(folder, head, grows=request.extend is not None)
            for warning in prepared.warnings:
                listener.warn(f"warning: {warning}")
            listener.begin(prepared.plan.size, folder.uri)
            from ray_mtlkd.sweep.work import SweepWork  # noqa: PLC0415 - it imports Ray, which the checks above do without

            def begin() -> Lock:
                with reaching(folder.uri):
                    if request.known is None:
                        lock.take()
                        if folder.root.read(HEAD) is not None:  # of a sweep that began meanwhile
                            output.check_empty(folder)
                    output.create(folder, head, files=files)
                    tasks = (table.task.name for of in prepared.tables.values() for table in of.tasks)
                    write_columns(folder, prepared.plan.distinct(), tasks)
                return lock

            with tracked(space, folder, sweep=head.sweep, say=listener.warn) as ended:
                work = SweepWork(prepared=prepared, head=head, folder=folder, listener=listener, ended=ended)
                counts = work.run(cluster, begin)
    return SweepEnd(uri=folder.uri, ok=counts.ok, failed=counts.failed)


def _space_file(request: SweepRequest) -> AbstractContextManager[Path]:
    """The search space as a local file: the one that is given, or that of the sweep to go on with."""
    if request.space is not None:
        return nullcontext(request.space)
    folder = SweepFolder.at(absolute(request.resume or ""))
    with reaching(folder.uri):
        output.read_head(folder)
    return space_of(folder)


def _target(request: SweepRequest, space: SearchSpace) -> SweepFolder:
    """Where the sweep writes, which is sound as far as that can be known before tables are read."""
    now = dt.datetime.now(tz=dt.UTC).strftime("%Y%m%d-%H%M%S")
    uri = absolute(request.known or request.out or f"runs/{space.name}-{now}")
    folder = SweepFolder.at(uri)
    with reaching(uri):
        if request.known is None:
            output.check_empty(folder)
        else:
            output.check_space(folder, space, grows=request.extend is not None)
    return folder

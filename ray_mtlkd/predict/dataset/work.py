"""What there is to do with a data set, after whatever is there already, and one part's work."""

import os
import platform
import resource
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import pyarrow as pa

from ray_mtlkd.predict.dataset import audit, output
from ray_mtlkd.predict.dataset.output import PartLayout, Written
from ray_mtlkd.predict.dataset.rows import pieces
from ray_mtlkd.predict.dataset.source import DataSet, Part
from ray_mtlkd.storage import Storage, join_uri, reaching


class RowMaker(Protocol):
    """Makes the columns of an output."""

    def columns(self, table: pa.Table, *, first_row: int, where: str) -> Sequence[pa.Array | pa.ChunkedArray]:
        """Those of some rows, in the output's order.

        Args:
            table: What is read of them.
            first_row: Place of the first one in the whole data set.
            where: Names them in errors.

        Raises:
            MtlkdError: where a column does not fit; ExceptionGroup of them, where several do not.
        """


class Making(Protocol):
    """What is made of a data set's rows; it travels to every process that makes it."""

    def begin(self, *, device: str) -> RowMaker:
        """Ready to make it on a device.

        Raises:
            MtlkdError: where what it needs is not there any more.
        """


@dataclass(frozen=True, kw_only=True)
class Work:
    """A data set of whose rows something is made.

    Attributes:
        out: Folder of the output.
        columns: Those that are read.
        done: Parts that are there already.
        warnings: What a reader should know of the rows.
    """

    making: Making
    source: DataSet
    layout: PartLayout
    out: str
    columns: tuple[str, ...]
    done: tuple[Written, ...] = ()
    complete: bool = False
    warnings: tuple[str, ...] = ()

    @classmethod
    def left_of(cls, making: Making, *, source: DataSet, layout: PartLayout, out: str) -> "Work":
        """What is to be done, after whatever is in the output folder already; nothing is written.

        Raises:
            MtlkdError: where something else is there; ExceptionGroup of them, where several files are.
        """
        storage = Storage.at(out)
        with reaching(out):
            complete = audit.is_complete(storage, layout, source)
            done = () if complete else tuple(audit.survey(storage, layout))
        columns = tuple(source.schema.names)
        return cls(making=making, source=source, layout=layout, out=out, columns=columns, done=done, complete=complete)

    @property
    def left(self) -> list[Part]:
        """Parts that are still to be done."""
        done = {each.index for each in self.done}
        return [part for part in self.layout.parts if part.index not in done]

    @property
    def lean(self) -> "Work":
        """What an actor needs of it to do a part: as large as the making, whatever the size of the data set."""
        layout = replace(self.layout, parts=())
        return replace(self, layout=layout, source=replace(self.source, files=()), done=())


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a worker says of a part that it has written, or could not.

    Attributes:
        written: None where there are problems.
        problems: What is wrong with the part's rows, each as (what, where, fix).
        pid: The worker's process.
        start_bytes: Its largest memory before its first part, with all libraries and models loaded.
        peak_bytes: Its largest memory up to now.
    """

    written: Written | None
    problems: tuple[tuple[str, str, str], ...] = ()
    pid: int = field(default_factory=os.getpid)
    start_bytes: int = 0
    peak_bytes: int = 0


class Worker:
    """Does parts, one after the other.

    Args:
        work: What they are parts of.
        device: Where it computes.
    """

    def __init__(self, work: Work, *, device: str = "cpu") -> None:
        self._work = work
        self._maker = work.making.begin(device=device)
        self._source = Storage.at(work.source.uri)
        self._out = Storage.at(work.out)
        self.start_bytes = peak_bytes()

    def do(self, part: Part) -> Written:
        """Make what is wanted of a part's rows, and write it.

        Raises:
            MtlkdError: where its rows cannot be read or do not fit; ExceptionGroup of them, where several columns do
                not.
        """
        found: list[Written] = []
        uri = join_uri(self._source.uri, part.file.name)
        at = 0
        with output.writing(self._out, self._work.layout, part, found) as writer:
            for table in pieces(self._source, part, self._work.columns):
                start = part.start + at
                where = f"{uri}[{start}:{start + table.num_rows}]"
                writer.write(self._maker.columns(table, first_row=part.first_row + at, where=where))
                at += table.num_rows
        return found[0]


def peak_bytes() -> int:
    """The largest memory that this process has had."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def finish(work: Work, written: Sequence[Written]) -> None:
    """Write the manifest of an output of which all parts are there now."""
    storage = Storage.at(work.out)
    with reaching(work.out):
        output.clean(storage, work.layout)
        output.write_manifest(storage, work.layout, output.manifest(work.layout, work.source, [*work.done, *written]))

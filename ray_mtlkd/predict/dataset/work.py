"""What there is to relabel: everything that can be found wrong before Ray starts, and one part's work."""

import os
import platform
import resource
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset import audit, output, source
from ray_mtlkd.predict.dataset.labels import Labeller, Settings, check_settings, row_numbers
from ray_mtlkd.predict.dataset.output import PartLayout, Written
from ray_mtlkd.predict.dataset.paths import find
from ray_mtlkd.predict.dataset.rows import pieces
from ray_mtlkd.predict.dataset.sample import look_at_sample
from ray_mtlkd.predict.dataset.source import DataSet, Part
from ray_mtlkd.predict.model_folder import KeptModel, load, load_model
from ray_mtlkd.setups.requests import check_columns
from ray_mtlkd.storage import Storage, join_uri, reaching

ROWS_PER_PART = 100_000
"""Rows of a part, unless told: seconds to minutes of work, which is what a lost actor costs."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """A data set that one teacher relabels.

    Attributes:
        checkpoint: Folder of the teacher.
        teacher: Its identity.
        out: Folder of the labels.
        columns: Those that are read.
        done: Parts that are there already.
        warnings: What a reader should know of the rows.
    """

    checkpoint: str
    teacher: str
    settings: Settings
    source: DataSet
    layout: PartLayout
    out: str
    columns: tuple[str, ...]
    done: tuple[Written, ...] = ()
    complete: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def left(self) -> list[Part]:
        """Parts that are still to be done."""
        done = {each.index for each in self.done}
        return [part for part in self.layout.parts if part.index not in done]

    @property
    def lean(self) -> "Work":
        """What an actor needs of it to do a part: small, whatever the size of the data set."""
        layout = replace(self.layout, parts=())
        return replace(self, layout=layout, source=replace(self.source, files=()), done=())


def plan(
    *,
    checkpoint: str,
    data: str,
    out: str,
    settings: Settings,
    rows_per_part: int = ROWS_PER_PART,
    allow_unseen: float = 0.5,
) -> Work:
    """What is to be done, after whatever is in the output folder already; nothing is written.

    Args:
        checkpoint: Folder of a kept model.
        data: Parquet files: a folder, a file or a pattern.
        out: Folder of the labels: an absolute path or a URI, as the others are.
        settings: What is wanted of each row.
        rows_per_part: At most so many rows a part, rounded down to whole prediction batches.
        allow_unseen: Share of a column's categories that train need not have shown.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    kept = load_model(checkpoint)
    task = kept.tasks[kept.index(settings.task)]
    check_settings(settings, task)
    if rows_per_part < 1:
        raise MtlkdError(f"parts of {rows_per_part} rows", where="--rows-per-part", fix="give 1 or more")
    with reaching(data):
        found = _survey(data, kept, settings)
    if not found.rows:
        raise MtlkdError("the data set has no rows", where=data, fix="give a data set with at least one")
    layout = PartLayout.of(
        settings,
        task,
        teacher=kept.teacher,
        keys=[found.schema.field(name) for name in settings.key],
        parts=source.cut(found.files, rows_per_part=rows_per_part),
    )
    storage = Storage.at(out)
    with reaching(out):
        complete = audit.is_complete(storage, layout, found)
        done = () if complete else tuple(audit.survey(storage, layout))
    warnings = () if complete else look_at_sample(found, kept.featurisers[settings.task], allow_unseen=allow_unseen)
    return Work(
        checkpoint=checkpoint,
        teacher=kept.teacher,
        settings=settings,
        source=found,
        layout=layout,
        out=out,
        columns=tuple(found.schema.names),
        done=done,
        complete=complete,
        warnings=warnings,
    )


def _survey(data: str, kept: KeptModel, settings: Settings) -> DataSet:
    """The data set's files, all of which have the columns that are read."""
    storage, names = find(data)
    found = source.survey(storage, names)
    rules = kept.featurisers[settings.task].rules
    for file, columns in found:
        where = join_uri(storage.uri, file.name)
        check_columns(columns.names, dict(zip(settings.key, settings.key, strict=True)), where=where)
        setups.check_inputs(columns.empty_table(), rules, where=where)
    wanted = tuple(dict.fromkeys((*rules, *settings.key)))
    shared = source.same_columns(found, wanted, uri=storage.uri)
    return DataSet(uri=storage.uri, files=tuple(file for file, _ in found), schema=shared)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a worker says of a part that it has written, or could not.

    Attributes:
        written: None where there are problems.
        problems: What is wrong with the part's rows, each as (what, where, fix).
        pid: The worker's process.
        start_bytes: Its largest memory before its first part, with all libraries and the model loaded.
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
        device: Where the teacher predicts.
    """

    def __init__(self, work: Work, *, device: str = "cpu") -> None:
        kept = load(Storage.at(work.checkpoint))
        if kept.teacher != work.teacher:
            fix = "keep the folder as it is while a data set is relabelled"
            raise MtlkdError("the model was replaced by another one", where=work.checkpoint, fix=fix)
        self._work = work
        self._labeller = Labeller(kept, work.settings, device=device)
        self._source = Storage.at(work.source.uri)
        self._out = Storage.at(work.out)
        self.start_bytes = peak_bytes()

    def do(self, part: Part) -> Written:
        """Label a part's rows and write them.

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
                labels = self._labeller.label(table, where=f"{uri}[{start}:{start + table.num_rows}]")
                writer.write([self._numbers(part, at, table), *self._keys(table), *labels])
                at += table.num_rows
        return found[0]

    def _numbers(self, part: Part, at: int, table: pa.Table) -> pa.Array:
        return row_numbers(part.first_row + at, table.num_rows)

    def _keys(self, table: pa.Table) -> list[pa.ChunkedArray]:
        return [table[name] for name in self._work.settings.key]


def peak_bytes() -> int:
    """The largest memory that this process has had."""
    unit = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def finish(work: Work, written: Sequence[Written]) -> None:
    """Write the manifest of an output of which all parts are there now."""
    storage = Storage.at(work.out)
    with reaching(work.out):
        output.clean(storage)
        output.write_manifest(storage, output.manifest(work.layout, work.source, [*work.done, *written]))

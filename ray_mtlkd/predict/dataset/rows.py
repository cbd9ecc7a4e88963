"""A part's rows, read piece by piece: never more than a few thousand of them are in memory."""

from collections.abc import Generator, Iterable, Iterator, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.source import DataFile, Part, open_file
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS

PIECE_ROWS = 8 * BATCH_ROWS
"""Rows that are read, featurised and predicted at a time: with more of them, words repeat and are hashed once."""

PIECE_BYTES = 2 * 2**20
"""Where rows are long, so many of them as are no larger than this: n-grams of a text take 30 times its room."""

_BUFFER_BYTES = 2**20
"""Of a column's pages, that are read at a time; without a buffer a whole column of a row group would be."""


def pieces(storage: Storage, part: Part, columns: Sequence[str]) -> Generator[pa.Table, None, None]:
    """The given columns of a part's rows, in order; all pieces but the last are of whole prediction batches.

    Raises:
        MtlkdError: where the file cannot be read, or is no longer what it was.
    """
    with open_file(storage, part.file.name, buffer_bytes=_BUFFER_BYTES) as (file, now):
        if now != part.file:
            raise MtlkdError(
                "the file was changed after the data set had been cut into parts",
                where=join_uri(storage.uri, part.file.name),
                fix="restore it, or give another --out",
            )
        groups, before = _row_groups(file.metadata, part)
        rows = _piece_rows(file.metadata, groups, columns)
        batches = file.iter_batches(batch_size=rows, row_groups=groups, columns=list(columns), use_threads=False)
        for table in steady(batches, skip=part.start - before, rows=part.rows, size=rows):
            yield table.select(list(columns))


def read_groups_of(storage: Storage, files: Sequence[DataFile], columns: Sequence[str], *, rows: int) -> pa.Table:
    """The given columns of row groups that lie evenly in a data set: all, or as many as have ``rows`` rows together.

    Raises:
        MtlkdError: where a file cannot be read.
    """
    total = sum(file.rows for file in files)
    step = max(total / rows, 1.0)
    found, before, due = [], 0, 0.0
    for file in files:
        if before + file.rows <= due:
            before += file.rows
            continue
        with open_file(storage, file.name) as (opened, _):
            wanted = []
            for group in range(opened.metadata.num_row_groups):
                size = opened.metadata.row_group(group).num_rows
                if before + size > due:
                    wanted.append(group)
                    due = max(due, before) + size * step
                before += size
            found.append(opened.read_row_groups(wanted, columns=list(columns), use_threads=False))
    return pa.concat_tables(found)


def _row_groups(metadata: pq.FileMetaData, part: Part) -> tuple[list[int], int]:
    """The row groups that hold rows of a part, and the rows before them."""
    groups: list[int] = []
    first, at = 0, 0
    for group in range(metadata.num_row_groups):
        end = at + metadata.row_group(group).num_rows
        if at < part.stop and end > part.start:
            first = first if groups else at
            groups.append(group)
        at = end
    return groups, first


def _piece_rows(metadata: pq.FileMetaData, groups: Sequence[int], columns: Sequence[str]) -> int:
    size, rows = 0, 0
    for group in groups:
        known = metadata.row_group(group)
        rows += known.num_rows
        chunks = (known.column(at) for at in range(known.num_columns))
        size += sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if any(f"{chunk.path_in_schema}.".startswith(f"{column}.") for column in columns)
        )
    fitting = PIECE_BYTES * rows // max(size, 1) // BATCH_ROWS * BATCH_ROWS
    return min(max(fitting, BATCH_ROWS), PIECE_ROWS)


def steady(batches: Iterable[pa.RecordBatch], *, skip: int, rows: int, size: int) -> Iterator[pa.Table]:
    """``rows`` rows after the first ``skip``, as tables of ``size`` rows, the last one of what is left.

    Raises:
        pa.ArrowInvalid: where there are fewer.
    """
    held: list[pa.RecordBatch] = []
    have = 0
    for batch in batches:
        if skip >= batch.num_rows:
            skip -= batch.num_rows  # an empty slice would keep the whole batch in memory
            continue
        kept = batch.slice(skip, rows - have)
        skip = 0
        held.append(kept)
        have += kept.num_rows
        while have >= min(size, rows):
            table = pa.Table.from_batches(held)
            given = table.slice(0, min(size, rows))
            yield given
            rows -= given.num_rows
            have -= given.num_rows
            held = table.slice(given.num_rows).to_batches()
            if not rows:
                return
    raise pa.ArrowInvalid(f"{rows - have} rows fewer than its footer says")

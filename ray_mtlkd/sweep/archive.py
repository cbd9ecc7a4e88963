"""Records of finished trials: one Parquet file a trial as they end, and thousands of trials in a few files afterwards.

A trial's file is written by its worker, so that nobody waits for anybody. Reading ten thousand of them takes seconds
from a disk and minutes from an object store; once a sweep has ended, whole blocks of them become one file each. A trial
may then stand in two places, where a merge was interrupted or a lost trial ran again: readers take each trial once.
"""

import io
import re
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.foreign.tables import fitted, read_parquet
from ray_mtlkd.records import DEFAULTS, SCHEMA, TaskRecord, from_table, to_table
from ray_mtlkd.seals import check_table, sealed_table
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.sweep.halving import FAILED, Found
from ray_mtlkd.sweep_folder import PARQUET, SweepFolder

BLOCK = 100
"""Trials of a merged file."""

_MERGED = re.compile(rf"\d{{5}}{re.escape(PARQUET)}")
"""No trial has such a name."""
_GROUP_ROWS = 250
"""Rows that are read together where some trials' curves are wanted."""
_THREADS = 8


class Counts(NamedTuple):
    """Trials of a sweep by what became of them."""

    ok: int
    failed: int


def write_records(sweep: SweepFolder, trial: str, records: list[TaskRecord]) -> None:
    """A finished trial's records, there whole or not at all."""
    buffer = io.BytesIO()
    # Thousands of these small files are read: dictionaries, statistics and Arrow's own copy of the schema would only
    # make each of them larger.
    pq.write_table(to_table(records), buffer, use_dictionary=False, write_statistics=False, store_schema=False)
    sweep.records.write(f"{trial}{PARQUET}", sealed_table(buffer.getvalue()))


def merge(sweep: SweepFolder) -> None:
    """Make one file of each whole block of trials' files.

    One that cannot be read is left for the report to name, and one with columns that are not known here as it is.
    """
    folder = sweep.records
    singles, merged = _names(folder)
    number = int(merged[-1].partition(".")[0]) + 1 if merged else 0
    for start in range(0, len(singles) - BLOCK + 1, BLOCK):
        names = singles[start : start + BLOCK]
        with ThreadPoolExecutor(_THREADS) as pool:  # for object stores, which answer slowly
            tables = dict(zip(names, map(_table, pool.map(folder.read, names)), strict=True))
        found = {name: table for name, table in tables.items() if table is not None}
        if not found:
            continue
        buffer = io.BytesIO()
        rows = pa.concat_tables(found.values())
        pq.write_table(rows, buffer, row_group_size=_GROUP_ROWS, compression="zstd", write_statistics=["trial"])
        folder.write(f"{number:05}{PARQUET}", sealed_table(buffer.getvalue()))
        number += 1
        for name in found:
            folder.delete(name)


def finished(sweep: SweepFolder, *, with_lost: bool = False) -> dict[str, Found]:
    """Trials with records, by name.

    A trial that lost its worker too often is not among them, since another run of the sweep may fare better; unless
    ``with_lost``: then it has failed.
    """
    rows = trials(sweep, "status", "score", "rungs", "stopped_at").items()
    return {name: _found(row) for name, row in rows if with_lost or row["status"] != "lost"}


def count(sweep: SweepFolder) -> Counts:
    """How many trials ended well and how many failed, lost ones included."""
    return counts(finished(sweep, with_lost=True))


def counts(found: Mapping[str, Found]) -> Counts:
    """How many of these trials failed."""
    failed = sum(each.failed for each in found.values())
    return Counts(ok=len(found) - failed, failed=failed)


def _found(row: dict[str, Any]) -> Found:
    if row["status"] != "ok":
        return FAILED
    rungs = tuple(rung["score"] for rung in row.get("rungs") or ())
    return Found(score=row["score"], rungs=rungs, is_over=row.get("stopped_at") is None)


def trials(sweep: SweepFolder, *columns: str) -> dict[str, dict[str, Any]]:
    """Columns that all rows of a trial have alike, by trial; drafts of a killed worker are left out.

    Raises:
        MtlkdError: naming a file that is damaged.
    """
    folder = sweep.records
    singles, merged = _names(folder)
    schema = pa.schema([SCHEMA.field(name) for name in ("trial", *columns)])
    found: dict[str, dict[str, Any]] = {}
    for name in (*merged, *singles):  # a trial that ran again stands in a file of its own, or a later one
        table = _fitted(folder.read(name) or b"", schema, where=join_uri(folder.uri, name))
        found.update({row["trial"]: row for row in table.to_pylist()})
    return found


def read_trials(
    sweep: SweepFolder, *, names: Collection[str] | None = None, without: Collection[str] = ()
) -> Iterator[list[TaskRecord]]:
    """The records of trials, one trial after the other, each once.

    Args:
        sweep: Its folder.
        names: Of those that are wanted; None for all.
        without: Those that are left out.

    Raises:
        MtlkdError: naming a file that is damaged.
    """
    singles, merged = _names(sweep.records)
    wanted = [name for name in singles if names is None or name.removesuffix(PARQUET) in names]
    seen = set(without)
    for file in (*wanted, *reversed(merged)):  # a trial that ran again stands in a file of its own, or a later one
        if names is not None and seen.issuperset(names):
            return
        if file in singles and file.removesuffix(PARQUET) in seen:
            continue
        data = sweep.records.read(file)
        if data is None:  # it was merged meanwhile
            continue
        table = _fitted(data, SCHEMA, where=join_uri(sweep.records.uri, file))
        for trial in table["trial"].unique().to_pylist():
            if trial not in seen and (names is None or trial in names):
                seen.add(trial)
                yield from_table(table.filter(pc.equal(table["trial"], trial)))


def _fitted(data: bytes, schema: pa.Schema, *, where: str) -> pa.Table:
    """Some columns of a file of records.

    Raises:
        MtlkdError: where it is damaged.
    """
    try:
        return fitted(read_parquet(check_table(data, is_sealed=True), columns=schema.names), schema, defaults=DEFAULTS)
    except OSError as error:
        fix = "delete it: the trial runs again"
        raise MtlkdError("a trial's record is damaged", where=where, fix=fix) from error


def _names(folder: Storage) -> tuple[list[str], list[str]]:
    """Files of one trial each, and merged ones."""
    names = [name for name in folder.names() if name.endswith(PARQUET)]
    merged = [name for name in names if _MERGED.fullmatch(name)]
    return [name for name in names if name not in set(merged)], merged


def _table(data: bytes | None) -> pa.Table | None:
    try:
        table = read_parquet(check_table(data or b"", is_sealed=True))
        return fitted(table, SCHEMA, defaults=DEFAULTS) if set(table.column_names) <= set(SCHEMA.names) else None
    except OSError:
        return None

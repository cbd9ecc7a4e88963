"""Records from disk: checked, each trial once, curves left where they are until a figure wants them."""

import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.arrow import is_optional
from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all
from ray_mtlkd.foreign.tables import fitted, lacking, read_parquet
from ray_mtlkd.records import COLUMNS, DEFAULTS, MATRICES, SCHEMA, TaskRecord, to_table
from ray_mtlkd.report.files import RecordFile, record_files

_CURVES = ("curve", "events")
_FLAT = pa.schema([column for column in SCHEMA if column.name not in {*_CURVES, *MATRICES}])
_REQUIRED = [name for name in _FLAT.names if not is_optional(COLUMNS[name])]
_DOMAINS: dict[str, tuple[Any, ...]] = {
    "sign": (1, -1),
    **{name: get_args(kind) for name, kind in COLUMNS.items() if get_origin(kind) is Literal},
}
_THREADS = 4
_FILES_A_BLOCK = 32
"""Ten thousand one-trial tables cost more in buffers than in data: a thread reads and joins this many at a time."""
_SHOWN = 20
"""Problems of a folder that are told one by one."""
_FIX = "delete the file and resume the sweep, or leave it out"


@dataclass(frozen=True, kw_only=True)
class Records:
    """Every trial of some sweeps, without its curves and matrices.

    Attributes:
        table: The columns of ``records.SCHEMA`` but those, and ``file``, an index into ``files``.
        files: Where the records came from; empty where they were given in memory.
    """

    table: pa.Table
    files: tuple[RecordFile, ...] = ()

    def curves(self, trials: Collection[str]) -> pa.Table:
        """The rows of these trials with ``sweep``, ``trial``, ``task``, ``curve`` and ``events``."""
        return self._read(trials, _CURVES)

    def matrices(self, trials: Collection[str]) -> pa.Table:
        """The rows of these trials with ``sweep``, ``trial``, ``task``, ``task_index`` and ``MATRICES``."""
        return self._read(trials, ("task_index", *MATRICES))

    def _read(self, trials: Collection[str], names: Sequence[str]) -> pa.Table:
        columns = ["sweep", "trial", "task", *names]
        wanted = pc.is_in(self.table["trial"], pa.array(list(trials), type=pa.string()))
        indices = sorted(self.table.filter(wanted)["file"].unique().to_pylist())
        schema = pa.schema([SCHEMA.field(name) for name in columns])

        def read(index: int) -> pa.Table:
            return _read_columns(self.files[index], schema)

        with ThreadPoolExecutor(_THREADS) as pool:
            table = pa.concat_tables([schema.empty_table(), *pool.map(read, indices)])
        return table.filter(pc.is_in(table["trial"], pa.array(list(trials), type=pa.string())))


def read(results: Sequence[str]) -> Records:
    """The records of sweeps' directories, folders of Parquet files or single files, on any filesystem.

    Raises:
        MtlkdError: where there is nothing to read, or a file is truncated or holds something else.
        ExceptionGroup: of ``MtlkdError``, where several files are wrong.
    """
    files = tuple({file.identity: file for given in results for file in record_files(given)}.values())
    with ThreadPoolExecutor(_THREADS) as pool:
        blocks = list(pool.map(lambda at: _read_block(files, at), range(0, len(files), _FILES_A_BLOCK)))
    problems = [problem for _, found in blocks for problem in found]
    if len(problems) > _SHOWN:
        where = f"{len(problems) - _SHOWN} more files"
        problems[_SHOWN:] = [MtlkdError("likewise cannot be read", where=where, fix=_FIX)]
    raise_all("records", problems)
    table = pa.concat_tables([table for table, _ in blocks]).combine_chunks()
    raise_all("records", _impossible(table, files))
    return Records(table=_once(table), files=files)


def of(records: Sequence[TaskRecord]) -> Records:
    """Records that are already in memory."""
    table = to_table(records).select(_FLAT.names)
    return Records(table=_once(table.append_column("file", pa.repeat(pa.scalar(0, pa.int32()), len(records)))))


def _read_block(files: Sequence[RecordFile], start: int) -> tuple[pa.Table, list[MtlkdError]]:
    """The rows of a block of files with each one's index, and what is wrong with the others."""
    tables = [_FLAT.empty_table()]
    index: list[int] = []
    problems: list[MtlkdError] = []
    for at, file in enumerate(files[start : start + _FILES_A_BLOCK], start):
        with gather(problems):  # one bad file must not hide the others
            tables.append(_read_columns(file, _FLAT))
            index.extend([at] * tables[-1].num_rows)
    return pa.concat_tables(tables).combine_chunks().append_column("file", pa.array(index, pa.int32())), problems


def _read_columns(file: RecordFile, schema: pa.Schema) -> pa.Table:
    """A file's columns as ``schema`` asks for them; one that it lacks says that there is nothing.

    Raises:
        MtlkdError: where it is damaged, or lacks a column that no record is without.
    """
    try:
        table = read_parquet(file.read(), columns=schema.names)
        lacks = lacking(table, schema, defaults=DEFAULTS)
        if not lacks:
            return table if table.schema.equals(schema) else fitted(table, schema, defaults=DEFAULTS)
    except OSError as error:
        what = f"truncated or not a trial's record ({first_line(error)})"
        raise MtlkdError(what, where=file.uri, fix=_FIX) from error
    what = f"not a trial's record: no column {', '.join(lacks)}"
    raise MtlkdError(what, where=file.uri, fix="give the folder that a sweep wrote")


def _impossible(table: pa.Table, files: Sequence[RecordFile]) -> list[MtlkdError]:
    """Values that no trial writes, one error a column, at the first file that holds one."""
    bad: dict[str, Any] = {
        f"column {name} has no value": pc.is_null(table[name]) for name in _REQUIRED if table[name].null_count
    }
    for name, allowed in _DOMAINS.items():
        known = pc.is_in(table[name], pa.array(allowed, type=table[name].type))
        bad[f"column {name} holds something else than {' or '.join(map(str, allowed))}"] = pc.invert(known)
    settings = [text for text in table["config"].unique().to_pylist() if text is not None and not _is_mapping(text)]
    bad["column config holds something else than settings"] = pc.is_in(table["config"], pa.array(settings, pa.string()))
    done = pc.equal(table["status"], "ok")
    scored = pc.fill_null(pc.is_finite(table["score"]), fill_value=False)
    bad["a trial that is ok has no score"] = pc.and_(done, pc.invert(scored))
    found = [(what, table.filter(mask)["file"].to_pylist()) for what, mask in bad.items()]
    return [MtlkdError(what, where=files[rows[0]].uri, fix=_FIX) for what, rows in found if rows]


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _once(table: pa.Table) -> pa.Table:
    """Each trial once: a resumed sweep may have run one twice, and a folder may be named twice.

    A trial is known by sweep, setup, strategy, stage, configuration and seed. A finished one is kept before a failed
    one, then the last by name.
    """
    names = ["sweep", "setup", "strategy", "stage", "config_index", "seed"]
    identities = list(zip(*(table[name].to_pylist() for name in names), strict=True))
    done = pc.equal(table["status"], "ok").to_pylist()
    copies = list(zip(done, table["trial"].to_pylist(), table["file"].to_pylist(), strict=True))
    kept: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for identity, copy in zip(identities, copies, strict=True):
        kept[identity] = max(kept.get(identity, copy), copy)
    rows: dict[tuple[Any, ...], int] = {}
    for at, task in enumerate(table["task"].to_pylist()):
        if copies[at] == kept[identities[at]]:
            rows.setdefault((identities[at], task), at)
    return table if len(rows) == table.num_rows else table.take(pa.array(rows.values(), type=pa.int64()))

"""What tasks read of files: one, those of a folder, or those that fit a pattern."""

import glob
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from ray_mtlkd.decode import decode
from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all, within
from ray_mtlkd.setups.cells import strings
from ray_mtlkd.setups.csv_files import read_csv
from ray_mtlkd.setups.csv_format import CsvFormat
from ray_mtlkd.setups.files import READERS, ending_of, first_shards, parquet_parts, read_table
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.requests import ReadTable, TableRequest


def find_tables(data: Path) -> tuple[Path, ...]:
    """The tables that a user names, in the order of their names: one, or several of one format.

    Args:
        data: A file, a folder, or a pattern of files with ``*``, ``**``, ``?`` or ``[…]``.

    Raises:
        MtlkdError: where there is none, or they are of several formats.
    """
    if data.is_dir():
        if parquet_parts(data):
            return (data,)
        found = [path for path in sorted(data.iterdir()) if path.is_file() and ending_of(path)]
        lacking = "no table in the folder"
    elif data.exists() or not glob.has_magic(str(data)):
        if not ending_of(data):
            raise MtlkdError("no format has this ending", where=str(data), fix=f"use one of: {', '.join(READERS)}")
        if not data.exists():
            raise MtlkdError("there is no such file", where=str(data), fix="give the file with the rows")
        return (data,)
    else:
        found = [path for path in map(Path, sorted(glob.glob(str(data), recursive=True))) if ending_of(path)]  # noqa: PTH207 - any pattern
        lacking = "no table fits"
    if not found:
        raise MtlkdError(lacking, where=str(data), fix=f"give files that end with one of: {', '.join(READERS)}")
    if len({READERS[ending_of(path)] for path in found}) > 1:
        endings = ", ".join(sorted({ending_of(path) for path in found}))
        fix = "give those of one format, e.g. 'new/*.csv'"
        raise MtlkdError(f"tables of several formats: {endings}", where=str(data), fix=fix)
    return tuple(first_shards(found))


def read_tables(
    data: Path, requests: Mapping[str, TableRequest], *, keys: tuple[str, ...] = (), encoding: str | None = None
) -> tuple[dict[str, pa.Table], pa.Table, list[str]]:
    """What each task reads of the files, the columns that are copied, and what a reader should know of them.

    Args:
        data: As `find_tables` takes it.
        requests: By task.
        keys: Columns to copy: those of a CSV as the text that stands there, since an identity is no number.
        encoding: Of CSV files, as Python calls it; what else is particular of them the model or their header tells.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    files = find_tables(data)
    csv = decode(CsvFormat, {"encoding": encoding}, where="")
    requests = {task: replace(request, csv=csv) for task, request in requests.items()}
    known: dict[TableRequest, ReadTable] = {}
    wrong: dict[TableRequest, list[MtlkdError]] = {request: [] for request in requests.values()}
    for request, problems in wrong.items():
        with gather(problems):
            known[request] = _read(files, request, where=str(data))
    raise_all(str(data), list(_told(requests, wrong)))
    copied = pa.table({})
    if keys:
        copied = _read(files, TableRequest(keys, csv=csv), where=str(data)).table
        if READERS.get(ending_of(files[0])) is read_csv:
            copied = pa.table({name: strings(whole(copied[name]), where=f"{data}:{name}") for name in keys})
    found = {task: known[request].table for task, request in requests.items()}
    return found, copied, [said for read in known.values() for said in read.warnings]


def _read(files: Sequence[Path], request: TableRequest, *, where: str) -> ReadTable:
    """The same columns of all files, one below the other."""
    if len(files) == 1:
        return read_table(files[0], request)
    problems: list[MtlkdError] = []
    parts = []
    for file in files:
        with gather(problems):
            parts.append(read_table(file, request))
    raise_all(where, problems)
    try:
        table = pa.concat_tables([part.table for part in parts], promote_options="permissive")
    except pa.ArrowException as error:
        fix = "write the column as one type in all of them"
        raise MtlkdError(f"a column differs from file to file ({first_line(error)})", where=where, fix=fix) from error
    return ReadTable(table, tuple(said for part in parts for said in part.warnings))


def _told(
    requests: Mapping[str, TableRequest], wrong: Mapping[TableRequest, Sequence[MtlkdError]]
) -> Iterator[MtlkdError]:
    """What is wrong with the files once, and what only some tasks miss with their names."""
    counts = Counter(str(problem) for problems in wrong.values() for problem in problems)
    told = set()
    for request, problems in wrong.items():
        tasks = ", ".join(task for task in requests if requests[task] == request)
        for problem in problems:
            if counts[str(problem)] < len(wrong):
                yield from within(f"task {tasks}", [problem])
            elif str(problem) not in told:
                told.add(str(problem))
                yield problem

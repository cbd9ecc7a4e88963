"""Table files: found by their names, read with only the columns that are needed, and refused where broken."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.setups.csv_files import csv_header, read_csv
from ray_mtlkd.setups.csv_format import CsvFormat
from ray_mtlkd.setups.requests import ReadTable, TableRequest

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})")
"""Behind the name of a table: one of several Parquet files that are one table."""


class TableSource(Protocol):
    """Where the tables of a setup come from."""

    def place(self, data: str, name: str) -> str:
        """The table's place, as errors name it."""

    def lacking(self, data: str) -> frozenset[Split]:
        """Parts that are to be cut from others: all of one file, and valid where there are train and test alone."""

    def read(self, data: str, name: str, request: TableRequest) -> ReadTable:
        """The requested columns of a table.

        Raises:
            MtlkdError: the only problem.
            ExceptionGroup: of ``MtlkdError``, where there are several.
        """


@dataclass(frozen=True)
class MemorySource:
    """Tables that are already here, by data and name."""

    name: str
    tables: Mapping[str, Mapping[str, pa.Table]]

    def place(self, data: str, name: str) -> str:
        """The table's place, as errors name it."""
        return f"{self.name}/{data}/{name}"

    def lacking(self, data: str) -> frozenset[Split]:  # noqa: ARG002 - all are there
        """None."""
        return frozenset()

    def read(self, data: str, name: str, request: TableRequest) -> ReadTable:
        """The requested columns of a table."""
        return ReadTable(request.taken(self.tables[data][name], where=self.place(data, name)))


@dataclass(frozen=True)
class FolderSource:
    """Tables in ``folder/DATA/``: ``NAME.EXTENSION``, or several Parquet files; train, valid, test and others.

    ``DATA`` may also be one file, which is then every table's, and valid may lie in train: who asks cuts it.
    """

    folder: Path

    def place(self, data: str, name: str) -> str:
        """The table's place, as errors name it."""
        if (self.folder / data).is_file():
            return str(self.folder / data)
        found = table_files(self.folder / data, name)
        return str(found[0] if found else self.folder / data / f"{name}.parquet")

    def lacking(self, data: str) -> frozenset[Split]:
        """Parts that are to be cut from others: see `TableSource`."""
        if (self.folder / data).is_file():
            return frozenset(SPLITS)
        missing = frozenset(split for split in SPLITS if not table_files(self.folder / data, split))
        return missing if missing == {"valid"} else frozenset()

    def read(self, data: str, name: str, request: TableRequest) -> ReadTable:
        """The requested columns of a table."""
        if (self.folder / data).is_file():
            return read_table(self.folder / data, request)
        found = table_files(self.folder / data, name)
        if not found:
            raise self._missing(data, name)
        if len(found) > 1:
            both = " and ".join(path.name for path in found)
            fix = "keep one of them"
            raise MtlkdError(f"{both} both claim to be the {name} table", where=str(self.folder / data), fix=fix)
        return read_table(found[0], request)

    def _missing(self, data: str, name: str) -> MtlkdError:
        folder = self.folder / data
        others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        there = f" (the folder has {', '.join(others[:5])}{', …' if len(others) > 5 else ''})" if others else ""  # noqa: PLR2004 - enough to recognise it
        fix = f"put {name}{' or '.join(READERS)} there"
        if name in self.lacking(data):
            fix += f", or have it cut from train by `split: {{{name}: 0.1}}` beside `data`"
        return MtlkdError(f"there is no {name} table{there}", where=str(folder), fix=fix)


def read_table(path: Path, request: TableRequest) -> ReadTable:
    """The requested columns of one table: a file, a folder of Parquet files, or the first of several shards.

    Raises:
        MtlkdError: where it is broken, or the only column problem.
        ExceptionGroup: of ``MtlkdError``, where several columns are missing or doubled.
    """
    ending = ".parquet" if path.is_dir() else ending_of(path)
    if ending not in READERS:
        raise MtlkdError("no format has this ending", where=str(path), fix=f"give {' or '.join(READERS)}")
    try:
        return READERS[ending](path, request)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise _damaged(path, ending, error) from error


def _damaged(path: Path, ending: str, error: Exception) -> MtlkdError:
    said = first_line(error)[:200]
    fix = "write the file again: it is damaged, cut short or of another format"
    return MtlkdError(f"cannot be read as {ending[1:]} ({said})", where=str(path), fix=fix)


def column_names(path: Path, *, csv: CsvFormat) -> list[str]:
    """The columns of a table, as `read_table` finds it; of a CSV, by the delimiter that gives most of them.

    Args:
        path: Of the table.
        csv: How it is written, where it is a CSV.

    Raises:
        MtlkdError: where it is broken.
    """
    ending = ".parquet" if path.is_dir() else ending_of(path)
    try:
        if ending == ".parquet":
            return list(pa.parquet.read_schema(_parquet_files(path)[0]).names)
        if READERS[ending] is read_csv:
            return csv_header(path, csv)
        with pa.OSFile(str(path)) as file:
            return list(_arrow_reader(file).schema.names)
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _damaged(path, ending, error) from error


def ending_of(path: Path) -> str:
    """By which ending a file is read, in lower case; empty for none."""
    name = path.name.lower()
    return next((ending for ending in READERS if name.endswith(ending)), "")


def table_files(folder: Path, name: str) -> list[Path]:
    """What in a folder is a table of that name: one file or folder, or the first of its shards."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return first_shards([path for path in entries if _is_table(path, name)])


def first_shards(tables: Sequence[Path]) -> list[Path]:
    """The same without further shards of one table, all of which are read with its first."""
    found: dict[Path, Path] = {}
    for path in tables:
        found.setdefault(path.with_name(_SHARD.sub("-shard", path.name)) if _SHARD.search(path.name) else path, path)
    return list(found.values())


def _is_table(path: Path, table: str) -> bool:
    name = path.name.lower()
    if path.is_dir():
        return name in {table, f"{table}.parquet"} and bool(parquet_parts(path))
    rest = name[len(table) :] if name.startswith(table) else ""
    shard = _SHARD.match(rest)
    return rest in READERS if shard is None else rest[shard.end() :] == ".parquet"


def _parquet_files(path: Path) -> list[Path]:
    """The files of a table: those below a folder, or the file with all its shards."""
    return parquet_parts(path) if path.is_dir() else _shards(path)


def parquet_parts(folder: Path) -> list[Path]:
    """The Parquet files below a folder; what writers put beside them is left out."""
    found = (path for path in folder.rglob("*") if path.suffix.lower() == ".parquet" and path.is_file())
    hidden = ("_", ".")
    return sorted(path for path in found if not any(p.startswith(hidden) for p in path.relative_to(folder).parts))


def _shards(path: Path) -> list[Path]:
    """The files of a table: itself, or all shards.

    Raises:
        MtlkdError: where shards are missing.
    """
    shard = _SHARD.search(path.name)
    if shard is None:
        return [path]
    before, after, count = path.name[: shard.start()], path.name[shard.end() :], int(shard[2])
    files = [path.with_name(f"{before}-{at:05d}-of-{count:05d}{after}") for at in range(count)]
    missing = [file.name for file in files if not file.exists()]
    if missing:
        raise MtlkdError(
            f"{len(missing)} of {count} files are missing, first {missing[0]}", where=str(path), fix="add them"
        )
    return files


def _read_parquet(path: Path, request: TableRequest) -> ReadTable:
    tables = []
    for file in _parquet_files(path):
        with pa.parquet.ParquetFile(file) as opened:
            found = request.found(opened.schema_arrow.names, where=str(file))
            table = _by_row_groups(opened, list(dict.fromkeys(found.values())))
            tables.append(table.select(list(found.values())).rename_columns(list(found)))
    return ReadTable(tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="permissive"))


def _by_row_groups(opened: pa.parquet.ParquetFile, columns: Sequence[str]) -> pa.Table:
    """Some columns of a file: Arrow needs three times their memory where it reads all row groups together."""
    groups = [opened.read_row_group(number, columns=columns) for number in range(opened.num_row_groups)]
    return pa.concat_tables(groups) if groups else opened.read(columns=columns)


def _read_arrow(path: Path, request: TableRequest) -> ReadTable:
    with pa.OSFile(str(path)) as file:
        table = _arrow_reader(file).read_all()
    table.validate(full=True)  # one changed byte of an offset would end the process later
    return ReadTable(request.taken(table, where=str(path)))


def _arrow_reader(file: pa.NativeFile) -> pa.RecordBatchFileReader | pa.RecordBatchStreamReader:
    try:
        return pa.ipc.open_file(file)
    except pa.ArrowInvalid:
        file.seek(0)
        return pa.ipc.open_stream(file)


READERS: Mapping[str, Callable[[Path, TableRequest], ReadTable]] = {
    ".parquet": _read_parquet,
    ".csv": read_csv,
    ".csv.gz": read_csv,
    ".tsv": read_csv,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}
"""How a file is read, by its ending."""


def missing_folders(folder: Path, data: Sequence[str]) -> list[str]:
    """Names in ``data`` that are no file, and no folder with at least one table in it."""
    return [name for name in data if not (folder / name).is_file() and not _has_tables(folder / name)]


def _has_tables(folder: Path) -> bool:
    return any(table_files(folder, split) for split in SPLITS)

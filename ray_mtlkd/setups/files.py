"""Table files: found by their extension, read with only the columns that are needed, and refused where broken."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.decode import unknown_name
from ray_mtlkd.errors import MtlkdError, first_line, raise_all

_CSV_BLOCK_BYTES = 2**25
"""Of a CSV, that are parsed at a time: no row may be longer, and a column's type is what the first ones look like."""


@dataclass(frozen=True)
class TableRequest:
    """What a task needs of a table.

    Attributes:
        columns: Every column.
        optional: Further ones, as far as the table has them.
        strings: Those that are text, also where a CSV cell looks like a number.
    """

    columns: tuple[str, ...]
    strings: frozenset[str] = frozenset()
    optional: tuple[str, ...] = ()

    def found(self, present: Sequence[str], *, where: str) -> list[str]:
        """What is taken of a table with these columns.

        Raises:
            MtlkdError: where a column is missing or stands twice; ExceptionGroup of them where several do.
        """
        wanted = dict.fromkeys((*self.columns, *(column for column in self.optional if column in present)))
        check_columns(present, tuple(wanted), where=where)
        return list(wanted)


class TableSource(Protocol):
    """Where the tables of a setup come from."""

    def place(self, data: str, split: Split) -> str:
        """The table's place, as errors name it."""

    def read(self, data: str, split: Split, request: TableRequest) -> pa.Table:
        """The requested columns of a table.

        Raises:
            MtlkdError: the only problem.
            ExceptionGroup: of ``MtlkdError``, where there are several.
        """


@dataclass(frozen=True)
class MemorySource:
    """Tables that are already here, by data and split."""

    name: str
    tables: Mapping[str, Mapping[Split, pa.Table]]

    def place(self, data: str, split: Split) -> str:
        """The table's place, as errors name it."""
        return f"{self.name}/{data}/{split}"

    def read(self, data: str, split: Split, request: TableRequest) -> pa.Table:
        """The requested columns of a table."""
        table = self.tables[data][split]
        return table.select(request.found(table.column_names, where=self.place(data, split)))


@dataclass(frozen=True)
class FolderSource:
    """Tables in ``folder/DATA/SPLIT.EXTENSION``."""

    folder: Path

    def place(self, data: str, split: Split) -> str:
        """The table's place, as errors name it."""
        found = _candidates(self.folder / data, split)
        return str(found[0] if found else self.folder / data / f"{split}.parquet")

    def read(self, data: str, split: Split, request: TableRequest) -> pa.Table:
        """The requested columns of a table."""
        found = _candidates(self.folder / data, split)
        if not found:
            where = str(self.folder / data)
            fix = f"put {split}{' or '.join(READERS)} there"
            raise MtlkdError(f"there is no {split} table", where=where, fix=fix)
        if len(found) > 1:
            names = " and ".join(path.name for path in found)
            fix = "keep one of them"
            raise MtlkdError(f"{names} both claim to be the {split} table", where=str(self.folder / data), fix=fix)
        return read_table(found[0], request)


def read_table(path: Path, request: TableRequest) -> pa.Table:
    """The requested columns of one file.

    Raises:
        MtlkdError: where the file is broken, or the only column problem.
        ExceptionGroup: of ``MtlkdError``, where several columns are missing or doubled.
    """
    try:
        return READERS[path.suffix](path, request)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = first_line(error)[:200]
        fix = "write the file again: it is damaged, cut short or of another format"
        raise MtlkdError(f"cannot be read as {path.suffix[1:]} ({said})", where=str(path), fix=fix) from error


def check_columns(present: Sequence[str], wanted: Sequence[str], *, where: str) -> None:
    """Raise where a wanted column is missing or stands twice.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    counts = Counter(present)
    problems = []
    for column in wanted:
        if not counts[column]:
            problems.append(unknown_name(column, present, what="column", where=where))
        elif counts[column] > 1:
            fix = "rename or drop the others"
            problems.append(
                MtlkdError(f"the column stands here {counts[column]} times", where=f"{where}:{column}", fix=fix)
            )
    raise_all(where, problems)


def _candidates(folder: Path, split: Split) -> list[Path]:
    return [path for suffix in READERS if (path := folder / f"{split}{suffix}").exists()]


def _read_parquet(path: Path, request: TableRequest) -> pa.Table:
    with pa.parquet.ParquetFile(path) as file:
        columns = request.found(file.schema_arrow.names, where=str(path))
        return file.read(columns=columns).select(columns)


def _read_csv(path: Path, request: TableRequest) -> pa.Table:
    if path.stat().st_size == 0:
        raise MtlkdError("the file is empty", where=str(path), fix="write a header line and the rows")
    # Read as bytes, so that a number-like text stays text and invalid UTF-8 is found with its row.
    convert = pa.csv.ConvertOptions(column_types=dict.fromkeys(request.strings, pa.binary()))
    parse = pa.csv.ParseOptions(newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=_CSV_BLOCK_BYTES)
    table = pa.csv.read_csv(path, read_options=read, parse_options=parse, convert_options=convert)
    return table.select(request.found(table.column_names, where=str(path)))


def _read_arrow(path: Path, request: TableRequest) -> pa.Table:
    with pa.OSFile(str(path)) as file:
        try:
            table = pa.ipc.open_file(file).read_all()
        except pa.ArrowInvalid:
            file.seek(0)
            table = pa.ipc.open_stream(file).read_all()
    return table.select(request.found(table.column_names, where=str(path)))


READERS: Mapping[str, Callable[[Path, TableRequest], pa.Table]] = {
    ".parquet": _read_parquet,
    ".csv": _read_csv,
    ".arrow": _read_arrow,
    ".feather": _read_arrow,
}
"""How a file is read, by its extension."""


def missing_folders(folder: Path, data: Sequence[str]) -> list[str]:
    """Names in ``data`` that are no folder with at least one table in it."""
    return [name for name in data if not any(_candidates(folder / name, split) for split in SPLITS)]

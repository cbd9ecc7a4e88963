"""A data set's Parquet files, and how they are cut into parts: known from their footers alone."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError, first_line, raise_all
from ray_mtlkd.setups.requests import check_columns
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS

_READERS = 8
"""Footers that are read at a time: on an object store each of them is a wait."""

_TAIL = 8
"""Bytes at the end of a Parquet file: the length of its footer (4) and a mark."""


@dataclass(frozen=True, kw_only=True)
class DataFile:
    """One file of the data set.

    Attributes:
        name: Below the data set's folder.
        bytes: Its size.
        footer: SHA-256 of its footer, which says where each column's pages lie and how large they are.
        rows: Number of its rows.
    """

    name: str
    bytes: int
    footer: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows ``start <= row < stop`` of a file.

    Attributes:
        index: Place among all parts.
        first_row: Place of its first row in the whole data set.
    """

    index: int
    file: DataFile
    start: int
    stop: int
    first_row: int

    @property
    def rows(self) -> int:
        """Number of its rows."""
        return self.stop - self.start


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """All files of a data set, in the order of their names.

    Attributes:
        uri: The folder that they lie in or below.
        files: Those with the same columns.
        schema: Of the columns that are read.
    """

    uri: str
    files: tuple[DataFile, ...]
    schema: pa.Schema

    @property
    def rows(self) -> int:
        """Rows of all files."""
        return sum(file.rows for file in self.files)


def survey(storage: Storage, names: Sequence[str]) -> list[tuple[DataFile, pa.Schema]]:
    """Every file with the columns that it has.

    Raises:
        MtlkdError: the only file that is not Parquet; ExceptionGroup of them, where several are not.
    """
    problems: list[MtlkdError] = []
    found: list[tuple[DataFile, pa.Schema]] = []

    def look(name: str) -> tuple[DataFile, pa.Schema] | MtlkdError:
        try:
            with open_file(storage, name) as (file, known):
                return known, file.schema_arrow
        except MtlkdError as error:
            return error

    with ThreadPoolExecutor(_READERS) as pool:
        for each in pool.map(look, names):
            if isinstance(each, MtlkdError):
                problems.append(each)
            else:
                found.append(each)
    raise_all(storage.uri, problems)
    return found


class open_file:  # noqa: N801 - reads as a verb where it is used
    """A file of the data set, open for the body; bodies get the file and what it is now.

    Raises:
        MtlkdError: where it cannot be read, in the body too.
    """

    def __init__(self, storage: Storage, name: str, *, buffer_bytes: int = 0) -> None:
        self._storage = storage
        self._name = name
        self._buffer_bytes = buffer_bytes

    def __enter__(self) -> tuple[pq.ParquetFile, DataFile]:
        try:
            self._stream = self._storage.filesystem.open_input_file(f"{self._storage.root.rstrip('/')}/{self._name}")
            size, footer = _footer(self._stream)
            # without the buffer ahead, which would be whole columns of row groups
            file = pq.ParquetFile(self._stream, buffer_size=self._buffer_bytes, pre_buffer=False)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from error
        known = DataFile(name=self._name, bytes=size, footer=footer, rows=file.metadata.num_rows)
        return file, known

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._stream.close()
        if isinstance(error, pa.ArrowException | OSError):
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> MtlkdError:
        said = first_line(error)[:200]
        return MtlkdError(
            f"cannot be read as Parquet ({said})",
            where=join_uri(self._storage.uri, self._name),
            fix="write the file again: it is damaged, cut short or of another format",
        )


def _footer(stream: pa.NativeFile) -> tuple[int, str]:
    """A file's size, and the SHA-256 of its footer."""
    size = stream.size()
    stream.seek(max(0, size - _TAIL))
    length = int.from_bytes(stream.read(_TAIL)[:4], "little")
    start = max(0, size - _TAIL - length)
    stream.seek(start)
    footer = hashlib.sha256(stream.read(size - start)).hexdigest()
    stream.seek(0)
    return size, footer


def same_columns(found: Sequence[tuple[DataFile, pa.Schema]], columns: Sequence[str], *, uri: str) -> pa.Schema:
    """The types of the columns, which every file has.

    Raises:
        MtlkdError: the only file with another type; ExceptionGroup of them, where there are several.
    """
    first, schema = found[0]
    problems = [
        MtlkdError(
            f"the column's type is {other.field(column).type}, and {schema.field(column).type} in {first.name}",
            where=f"{join_uri(uri, file.name)}:{column}",
            fix="write all files of a data set with the same columns",
        )
        for file, other in found[1:]
        for column in columns
        if other.field(column).type != schema.field(column).type
    ]
    raise_all(uri, problems)
    return pa.schema([pa.field(column, schema.field(column).type) for column in columns])


def whole_schema(found: Sequence[tuple[DataFile, pa.Schema]], *, uri: str) -> pa.Schema:
    """The schema of the first file, whose columns every file has, and no others.

    Raises:
        MtlkdError: the only file that differs, or column that stands twice; ExceptionGroup of them, where there are
            several.
    """
    first, schema = found[0]
    check_columns(schema.names, {name: name for name in schema.names}, where=join_uri(uri, first.name))
    problems = []
    for file, other in found[1:]:
        differing = sorted(set(other.names) ^ set(schema.names))
        if differing or len(other.names) > len(schema.names):
            what = f"it has not the columns of {first.name} (see {', '.join(differing) or 'those that stand twice'})"
            fix = "write all files of a data set with the same columns"
            problems.append(MtlkdError(what, where=join_uri(uri, file.name), fix=fix))
    raise_all(uri, problems)
    same_columns(found, schema.names, uri=uri)
    return schema


def cut(files: Sequence[DataFile], *, rows_per_part: int, where: str) -> Iterator[Part]:
    """The parts of all files: of at most ``rows_per_part`` rows, within one file each.

    A part begins where a prediction batch of its file does, so that neither the size of the parts changes a number.

    Raises:
        MtlkdError: where there are no rows, or a part would have none; ``where`` names the data set.
    """
    if rows_per_part < 1:
        raise MtlkdError(f"parts of {rows_per_part} rows", where="--rows-per-part", fix="give 1 or more")
    if not any(file.rows for file in files):
        raise MtlkdError("the data set has no rows", where=where, fix="give a data set with at least one")
    size = max(rows_per_part // BATCH_ROWS, 1) * BATCH_ROWS
    index, first_row = 0, 0
    for file in files:
        for start in range(0, file.rows, size):
            whole = Part(index=index, file=file, start=start, stop=file.rows, first_row=first_row + start)
            yield replace(whole, stop=min(start + size, file.rows))
            index += 1
        first_row += file.rows

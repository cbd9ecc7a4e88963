"""CSV files: every cell as the text that stands there; no column's type depends on what a file happens to hold."""

import codecs
import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.csv_format import SAY_ENCODING, CsvFormat
from ray_mtlkd.setups.requests import ReadTable, TableRequest, composed

_BLOCK_BYTES = 2**25
"""Of a CSV, that are parsed at a time: no row may be longer."""

_HEAD_BYTES = 2**20
"""That the header is looked for in."""

_DELIMITERS = (",", ";", "\t", "|")

_MARKS: Mapping[bytes, str] = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How files begin that say in which encoding they are."""

_MANY_LINES = 20
"""Lines that a quoted cell may span before it looks as if its quote were a stray one."""


def read_csv(path: Path, request: TableRequest) -> ReadTable:
    """The requested columns as bytes in UTF-8, null nowhere; the delimiter is the one by which the header has them.

    Raises:
        MtlkdError: where the file is empty, in another encoding or written with another delimiter than is said, or a
            column is missing or stands twice.
        pyarrow.ArrowException: where it is no CSV.
    """
    encoding, head = _head(path, request.csv)
    delimiter = _delimiter(head, request, where=str(path))
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(_header(head, delimiter), pa.binary()), strings_can_be_null=False
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True, delimiter=delimiter)
    read = pa.csv.ReadOptions(block_size=_BLOCK_BYTES, encoding=encoding)
    try:
        with opened_csv(path) as stream:
            table = pa.csv.read_csv(stream, read_options=read, parse_options=parse, convert_options=convert)
    except UnicodeError as error:
        fix = "name another encoding, or write the file again with UTF-8 text"
        raise MtlkdError(f"the file is not written in {encoding} ({error})", where=str(path), fix=fix) from error
    return ReadTable(request.taken(table, where=str(path)), tuple(_warnings(path, table)))


def csv_header(path: Path, csv_format: CsvFormat) -> list[str]:
    """The names in the header, by the delimiter that finds most where none is said.

    Raises:
        MtlkdError: where the file is empty, or its header in another encoding.
    """
    _, head = _head(path, csv_format)
    delimiters = _DELIMITERS if csv_format.delimiter is None else (csv_format.delimiter,)
    return max((_header(head, delimiter) for delimiter in delimiters), key=len)


def marked_encoding(head: bytes) -> str | None:
    """The encoding that a file's first bytes name, if they do."""
    return next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)


def _head(path: Path, csv_format: CsvFormat) -> tuple[str, str]:
    """A file's encoding, and its beginning."""
    with opened_csv(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if not head:
        raise MtlkdError("the file is empty", where=str(path), fix="write a header line and the rows")
    encoding = csv_format.encoding or marked_encoding(head) or "utf-8"
    name = "utf-8-sig" if encoding == "utf-8" else encoding
    try:
        text = codecs.getincrementaldecoder(name)("replace").decode(head)
    except UnicodeError:  # UTF-16 without its mark
        text = "\ufffd"
    if "\ufffd" in text.partition("\n")[0]:
        fix = f"say how it is written, {SAY_ENCODING}, or write it again with UTF-8 text"
        raise MtlkdError(f"the header is not written in {encoding}", where=str(path), fix=fix)
    return encoding, text


def opened_csv(path: Path) -> BinaryIO:
    """Its bytes, unpacked where it is packed."""
    zipped = path.suffix.lower() == ".gz"
    return cast(BinaryIO, gzip.open(path)) if zipped else path.open("rb")


def _delimiter(head: str, request: TableRequest, *, where: str) -> str:
    """The one that is said, else the first by which the header has most of the columns, then most names.

    Raises:
        MtlkdError: where the header has more of the columns by another one than is said.
    """
    wanted, said = set(map(composed, request.columns)), request.csv.delimiter

    def fitting(delimiter: str) -> tuple[int, int]:
        names = set(map(composed, _header(head, delimiter)))
        return len(wanted & names), len(names) if said is None else 0

    found = max(_DELIMITERS if said is None else (said, *_DELIMITERS), key=fitting)
    if said not in {None, found}:
        fix = f"say `csv: {{delimiter: {json.dumps(found)}}}`, or leave `delimiter` out"
        raise MtlkdError(f"its columns are not delimited by {said!r}, but by {found!r}", where=where, fix=fix)
    return found


def _header(head: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []


def _warnings(path: Path, table: pa.Table) -> Iterable[str]:
    with opened_csv(path) as stream:
        lines = sum(piece.count(b"\n") for piece in iter(lambda: stream.read(_HEAD_BYTES), b""))
    if lines - table.num_rows < _MANY_LINES:
        return
    with opened_csv(path) as stream:
        line, span = _longest_cell(stream)
    if span >= _MANY_LINES:
        yield (
            f"{path}: a quoted cell begins in line {line} and spans {span} lines: if that quote is a stray one, double "
            f"it or remove it"
        )


def _longest_cell(lines: Iterable[bytes]) -> tuple[int, int]:
    """The line, counted from 1, in which the quoted cell begins that spans most lines, and how many it spans."""
    line, longest, begins, number = 0, 0, 0, 0
    for number, text in enumerate(lines, 1):
        if text.count(b'"') % 2 == 0:
            continue
        if not begins:
            begins = number
            continue
        line, longest = max((line, longest), (begins, number - begins + 1), key=lambda found: found[1])
        begins = 0
    return max((line, longest), (begins, number - begins + 1 if begins else 0), key=lambda found: found[1])

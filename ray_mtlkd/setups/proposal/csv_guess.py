"""How a CSV file seems to be written: its encoding, and what stands in its numbers."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from charset_normalizer import from_bytes

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import numbers, strings
from ray_mtlkd.setups.csv_files import marked_encoding, opened_csv, read_csv
from ray_mtlkd.setups.csv_format import AS_FOUND, PLAIN_MARKS, CsvFormat, NumberMarks
from ray_mtlkd.setups.files import READERS, column_names, ending_of, read_table
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.requests import TableRequest
from ray_mtlkd.setups.values import MARKERS, without_markers

_PIECE = 2**20
_ENOUGH = 2**16
"""Bytes of lines that are not ASCII by which an encoding is told."""
_WESTERN = re.compile(r"[àâäáãåæçèéêëíîïñóôöõøùúûüœß“”„—…€£§°«»¡¿·•©®™ªº\u2018\u2019\u2013\u00a0-]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_FEW = 0.02
"""Share of characters beyond ASCII that are others, in a text that is Western all the same."""
_STRANGE = ("cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "shift_jis", "euc_jp", "gb18030", "big5", "euc_kr")
_CANDIDATES = (
    NumberMarks(","),
    NumberMarks(",", "."),
    NumberMarks(".", ","),
    *(NumberMarks(decimal, thousands) for decimal in (",", ".") for thousands in (" ", "'")),
)
_COMMA = r"^[+-]?0?,[0-9]|^[+-]?[0-9]{4,},|,[0-9]{1,2}$|,[0-9]{4,}$"
_SURE: Mapping[NumberMarks, str] = {
    marks: {
        (",", None): _COMMA,
        (",", "."): rf"{_COMMA}|\.[0-9]{{3}},[0-9]|\.[0-9]{{3}}\.[0-9]{{3}}",
        (".", ","): r",[0-9]{3}\.[0-9]|,[0-9]{3},[0-9]{3}",
    }.get((marks.decimal, marks.thousands), r"[0-9][ '\x{00a0}\x{2009}\x{202f}][0-9]{3}")
    for marks in _CANDIDATES
}
"""What numbers look like that cannot be written otherwise: ``1,234`` can."""


@dataclass(frozen=True)
class CsvGuess:
    """What a manifest should say under `csv`, and why; nothing of most files."""

    format: CsvFormat = AS_FOUND
    because: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """As a manifest has them."""
        given = {part.name: getattr(self.format, part.name) for part in fields(CsvFormat)}
        return {name: value for name, value in given.items() if value != getattr(AS_FOUND, name)}


def guess_csv(path: Path) -> CsvGuess:
    """What cannot be found by reading a table as it is; nothing of files of other formats.

    Raises:
        MtlkdError: where the file is empty or broken; ExceptionGroup where several columns stand twice.
    """
    if READERS.get(ending_of(path)) is not read_csv:
        return CsvGuess()
    encoding, why = _encoding(path)
    csv = CsvFormat(encoding=encoding)
    table = read_table(path, TableRequest(tuple(column_names(path, csv=csv)), csv=csv)).table
    marks, shown = _marks(list(_texts(table)), is_semicolons=b";" in _first_line(path))
    found = CsvFormat(encoding=encoding, decimal=marks.decimal, thousands=marks.thousands)
    return CsvGuess(found, "; ".join(said for said in (why, shown) if said))


def _encoding(path: Path) -> tuple[str | None, str]:
    """A name where the file is neither UTF-8 nor says what it is, and why so."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at, piece in enumerate(_pieces(path)):
            if not at and marked_encoding(piece) is not None:
                return None, ""
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _told(next(iter(_pieces(path))), _strange_lines(path))
    return None, ""


def _told(head: bytes, lines: bytes) -> tuple[str | None, str]:
    for name, at in (("utf-16-le", 1), ("utf-16-be", 0)):
        if head[at::2].count(0) > len(head) / 4:
            return name, "every other byte is 0"
    try:
        western = lines.decode("cp1252")
    except UnicodeDecodeError:
        western = ""
    found = "cp1252" if _is_western(western) else _by_language(lines)
    if found is None:
        return None, ""
    shown = next((word for word in _WORD.findall(lines.decode(found, "replace")) if not word.isascii()), "")
    return found, f"not UTF-8; read so, it says {shown!r} (is that right?)" if shown else "not UTF-8"


def _is_western(text: str) -> bool:
    """Whether letters beyond ASCII are Western Europe's, and stand between others: whole words are of elsewhere."""
    beyond = [letter for letter in text if not letter.isascii()]
    other = [letter for letter in beyond if not _WESTERN.match(letter)]
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    mixed = [word for word in words if len(word) == 1 or any(letter.isascii() for letter in word)]
    return bool(beyond) and len(other) <= _FEW * len(beyond) and 2 * len(mixed) >= len(words)


def _by_language(lines: bytes) -> str | None:
    """The encoding by which words are of some language."""
    found = from_bytes(lines, cp_isolation=list(_STRANGE)).best()
    return None if found is None else found.encoding


def _strange_lines(path: Path) -> bytes:
    """The first lines that are not ASCII."""
    found = bytearray()
    with opened_csv(path) as stream:
        for line in stream:
            found += b"" if line.isascii() else line
            if len(found) > _ENOUGH:
                break
    return bytes(found)


def _pieces(path: Path) -> Iterator[bytes]:
    with opened_csv(path) as stream:
        yield from iter(lambda: stream.read(_PIECE), b"")


def _first_line(path: Path) -> bytes:
    with opened_csv(path) as stream:
        return stream.readline()


def _texts(table: pa.Table) -> Iterator[pa.Array]:
    """Columns of texts, without what means missing."""
    for name in table.column_names:
        try:
            yield without_markers(strings(whole(table[name]), where=name), MARKERS)[0].drop_null()
        except MtlkdError:  # still not UTF-8
            continue


def _marks(columns: Sequence[pa.Array], *, is_semicolons: bool) -> tuple[NumberMarks, str]:
    """The marks that make numbers of most columns and spoil none; and a number by which they are told.

    Where semicolons stand between cells, a comma stands before decimals.
    """
    some = [column for column in columns if len(column)]
    plain = [column for column in some if _are_numbers(column, PLAIN_MARKS)]
    others = [column for column in some if not _are_numbers(column, PLAIN_MARKS)]
    able = [marks for marks in _CANDIDATES if all(_are_numbers(column, marks) for column in plain)]
    made = {marks: [column for column in others if _are_numbers(column, marks)] for marks in able}
    made = {marks: made_so for marks, made_so in made.items() if made_so}
    best, most, shown = PLAIN_MARKS, 0, ""
    for marks, changed in made.items():
        # where no other marks make numbers of these columns, any of them will do
        pattern = "" if len(made) == 1 else "," if is_semicolons and marks == NumberMarks(",") else _SURE[marks]
        sure = [text for column in changed for text in _first_match(column, pattern)]
        if sure and len(changed) > most:
            best, most, shown = marks, len(changed), sure[0]
    return best, f"numbers are written so: {shown}" if shown else ""


def _are_numbers(texts: pa.Array, marks: NumberMarks) -> bool:
    try:
        numbers(texts, where="", missing=(), words=False, marks=marks)
    except MtlkdError:
        return False
    return True


def _first_match(texts: pa.Array, pattern: str) -> Iterable[str]:
    shown = texts.filter(pc.match_substring_regex(pc.utf8_trim_whitespace(texts), pattern))
    return [str(text) for text in shown[:1]]

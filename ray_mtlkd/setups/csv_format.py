"""How a CSV file is written, where it is not as most are: what a manifest says under `csv`."""

import codecs
from dataclasses import dataclass
from typing import Annotated, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator

from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError

SAY_ENCODING = "`csv: {encoding: cp1252}` in a manifest, `--encoding cp1252` where rows are predicted"
"""How one says in which encoding a file is."""
_SPACES = " \u00a0\u2009\u202f"
"""What stands between thousands where that is said to be a space."""


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        fix = "give a name that Python knows, e.g. utf-8, cp1252, iso8859-15, utf-16"
        refuse([MtlkdError(f"no encoding is called {name!r}", where="", fix=fix)])
    return codecs.lookup(name).name


def _delimiter(mark: str) -> str:
    if len(mark) != 1 or not mark.isascii() or mark in '"\r\n':
        refuse([MtlkdError(f"{mark!r} is no delimiter", where="", fix='give one character, e.g. ";" or "\\t"')])
    return mark


@dataclass(frozen=True)
class NumberMarks:
    """What stands in numbers that are written as texts.

    Attributes:
        decimal: Before what is less than one.
        thousands: Between groups of three digits; None for nothing.
    """

    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None

    def plain(self, texts: pa.Array) -> pa.Array:
        """Texts (large_string) as numbers are mostly written, ``1.234,5`` as ``1234.5``; null where one is none."""
        if self == PLAIN_MARKS:
            return texts
        trimmed = pc.utf8_trim_whitespace(texts)
        is_so = pc.match_substring_regex(trimmed, self._pattern)
        bare = trimmed if self.thousands is None else pc.replace_substring_regex(trimmed, self._between, "")
        return pc.if_else(is_so, pc.replace_substring(bare, self.decimal, "."), pa.scalar(None, texts.type))

    @property
    def _between(self) -> str:
        return f"[{_SPACES}]" if self.thousands == " " else f"[{self.thousands}]"

    @property
    def _pattern(self) -> str:
        whole = r"[0-9]+" if self.thousands is None else rf"(?:[0-9]{{1,3}}(?:{self._between}[0-9]{{3}})+|[0-9]+)"
        decimal = rf"[{self.decimal}]"
        return rf"^[+-]?(?:{whole}{decimal}?[0-9]*|{decimal}[0-9]+)(?:[eE][+-]?[0-9]+)?$"


PLAIN_MARKS = NumberMarks()
"""A point before decimals, and nothing else."""


@document
class CsvFormat:
    """How CSV files are written.

    Attributes:
        delimiter: Between cells; without it, the one by which the header has all columns.
        encoding: As Python calls it; without it UTF-8, or UTF-16 where the file begins with the mark of that.
        decimal: Before what is less than one, in numbers that are written as texts.
        thousands: Between groups of three digits in these; a space also means a narrow one, or one that does not break.
    """

    delimiter: Annotated[str, AfterValidator(_delimiter)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    decimal: Literal[".", ","] = "."
    thousands: Literal[",", ".", " ", "'"] | None = None

    def __post_init__(self) -> None:
        """Refuse one mark for two things."""
        if self.thousands == self.decimal:
            fix = "say which of them it is, or set `decimal` as well"
            refuse([MtlkdError(f"{self.thousands!r} is also before decimals", where="thousands", fix=fix)])

    @property
    def marks(self) -> NumberMarks:
        """What stands in numbers."""
        return NumberMarks(self.decimal, self.thousands)


AS_FOUND = CsvFormat()
"""Nothing said."""

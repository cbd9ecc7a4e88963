"""Cells of a column as texts, numbers or categories: what is missing, what is wrong, and in which rows.

All functions take a column in one piece and in a plain type (`ray_mtlkd.setups.plain.whole`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.csv_format import PLAIN_MARKS, SAY_ENCODING, NumberMarks
from ray_mtlkd.setups.values import MARKERS, by_value, number_texts, without_markers

Rows = NDArray[np.bool_]


SHOWN = 3
"""Offending rows that an error names."""

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(inf|Inf|INF|infinity|Infinity)$"
_WORDS = pa.array(["true", "false"], pa.large_string())


@dataclass(frozen=True)
class Checked:
    """A column in its one type, and how often each marker stood in it for a missing value."""

    column: pa.Array
    missing: Mapping[str, int] = field(default_factory=Counter)


def said_rows(bad: Rows) -> str:
    """``"2 of 9 rows (first: 3, 7, counted from 0)"`` for a mask of offending rows."""
    first = ", ".join(str(row) for row in np.flatnonzero(bad)[:SHOWN])
    return f"{int(bad.sum())} of {len(bad)} rows (first: {first}, counted from 0)"


def nulls(values: pa.Array) -> Rows:
    """Where values are null, [N]."""
    mask: Rows = values.is_null().to_numpy(zero_copy_only=False)
    return mask


def strings(column: pa.Array, *, where: str, accepted: str = "text") -> pa.Array:
    """A column of strings (or binary strings) as large_string; nulls stay.

    Raises:
        MtlkdError: where it holds something else or invalid UTF-8.
    """
    if pa.types.is_null(column.type):
        return column.cast(pa.large_string())
    if not is_string(column.type):
        raise wrong_type(column.type, accepted, where=where)
    bytes_ = column.cast(pa.large_binary())
    try:
        return bytes_.cast(pa.large_string())
    except pa.ArrowInvalid as error:
        bad = np.array([not _decodes(value) for value in bytes_.to_pylist()])
        raise MtlkdError(
            f"{said_rows(bad)} are not UTF-8",
            where=where,
            fix=f"write the file again with UTF-8 text, or say how a CSV is written, {SAY_ENCODING}",
        ) from error


def numbers(
    column: pa.Array,
    *,
    where: str,
    missing: tuple[str, ...] = MARKERS,
    words: bool = True,
    marks: NumberMarks = PLAIN_MARKS,
) -> Checked:
    """A column of numbers, or of texts that say some, as float64; NaN becomes null.

    Args:
        column: May also hold booleans, or true and false, where ``words``.
        where: Names it in errors.
        missing: Cells that mean null; those that are numbers do so in a column of numbers, too.
        words: Whether true and false are 1 and 0.
        marks: What stands in numbers that are texts.

    Raises:
        MtlkdError: where it holds something else or an infinite number.
    """
    if is_string(column.type):
        texts, counts = without_markers(strings(column, where=where), missing)
        values = _parsed(texts, where=where, words=words, marks=marks)
    else:
        values, counts = floats(column, where=where, accepted="numbers", words=words), Counter[str]()
        for marker in missing:
            is_marked = values == _as_number(marker)
            if is_marked.any():
                counts[marker] = int(is_marked.sum())
                values = np.where(is_marked, np.nan, values)
    refuse_infinite(values, where=where)
    return Checked(pa.array(values, mask=np.isnan(values)), counts)


def value_texts(column: pa.Array, *, where: str, accepted: str) -> pa.Array:
    """A column of strings, numbers, booleans or dates as large_string: as written, or the shortest text of a value.

    Raises:
        MtlkdError: where it holds something else or invalid UTF-8.
    """
    kind = column.type
    if pa.types.is_floating(kind):
        return number_texts(column)
    if pa.types.is_decimal(kind):
        return by_value(column.cast(pa.string()).cast(pa.large_string()), _without_zeros)
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_date(kind):
        return column.cast(pa.string()).cast(pa.large_string())
    return strings(column, where=where, accepted=accepted)


def categories(column: pa.Array, *, where: str, missing: tuple[str, ...] = MARKERS) -> Checked:
    """A categorical column as the texts of its values; nulls stay.

    Raises:
        MtlkdError: where it holds neither strings, numbers, booleans nor dates, or invalid UTF-8.
    """
    texts = value_texts(column, where=where, accepted="strings, numbers, booleans or dates")
    return Checked(*without_markers(texts, missing))


def refuse_infinite(values: NDArray[np.float64], *, where: str) -> None:
    """Raise where numbers are infinite, or become so in float32; NaN passes.

    Raises:
        MtlkdError: with how many and the first rows.
    """
    infinite = overflows(values)
    if infinite.any():
        fix = "replace infinite numbers (beyond 3e38, that is) or leave them empty"
        raise MtlkdError(f"{said_rows(infinite)} are infinite", where=where, fix=fix)


def wrong_type(kind: pa.DataType, accepted: str, *, where: str) -> MtlkdError:
    """The error for a column of a type that its use does not accept."""
    fix = f"give a column of {accepted}"
    if accepted.startswith("lists"):
        fix += " (of Parquet or Arrow; a manifest's `separator` splits texts)"
    return MtlkdError(f"the column's type is {kind}, not {accepted}", where=where, fix=fix)


def is_string(kind: pa.DataType) -> bool:
    """Whether a plain type holds strings, checked or not."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def overflows(values: NDArray[np.floating]) -> Rows:
    """Where numbers [N] are infinite, or become so in float32."""
    most = np.finfo(np.float32).max
    beyond: Rows = (values > most) | (values < -most)
    return beyond


def floats(column: pa.Array, *, where: str, accepted: str, words: bool = True) -> NDArray[np.float64]:
    """A column of numbers, and of booleans where ``words``, in double precision; NaN for null.

    Raises:
        MtlkdError: where it holds something else; ``accepted`` says what it should.
    """
    kind = column.type
    if pa.types.is_boolean(kind) and words:
        column = column.cast(pa.int8())
    elif not any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    ):
        raise wrong_type(kind, accepted, where=where)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _parsed(texts: pa.Array, *, where: str, words: bool, marks: NumberMarks) -> NDArray[np.float64]:
    """The numbers that texts say; NaN for null."""
    lower = pc.utf8_lower(texts)
    if words and len(texts) > texts.null_count and pc.all(pc.is_in(lower.drop_null(), value_set=_WORDS)).as_py():
        texts = pc.if_else(pc.equal(lower, "true"), pa.scalar("1", texts.type), pa.scalar("0", texts.type))
    trimmed = marks.plain(pc.utf8_trim_whitespace(texts))
    is_number = pc.match_substring_regex(trimmed, _NUMBER).fill_null(False)  # noqa: FBT003 - Arrow's signature
    bad = ~is_number.to_numpy(zero_copy_only=False) & ~nulls(texts)
    if bad.any():
        first = texts[int(np.flatnonzero(bad)[0])].as_py()
        fix = 'name what means missing in `na_values`, or how numbers are written, e.g. `csv: {decimal: ","}`'
        raise MtlkdError(f"{said_rows(bad)} are no numbers, first {first!r}", where=where, fix=fix)
    values: NDArray[np.float64] = trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _as_number(marker: str) -> float:
    try:
        return float(marker)
    except ValueError:
        return float("nan")


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True

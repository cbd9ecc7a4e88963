"""Columns of a table, checked and brought to one type each, whatever the file called it.

text → large_string; tokens → large_list<large_string>; numeric → float64 with nulls; categorical → large_string with
nulls; vector → large_list<float32>; token vectors → large_list<large_list<float32>>.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError

Rows = NDArray[np.bool_]
Sort = Literal["text", "tokens", "number", "category", "vector", "token_vectors"]
"""What an input column holds."""
SHOWN = 3
"""Offending rows that an error names."""


@dataclass(frozen=True)
class Lists:
    """A column of lists: ``values`` end to end, ``offsets [N+1]`` int64, ``missing [N]`` where the list is null."""

    values: pa.Array
    offsets: NDArray[np.int64]
    missing: Rows


def said_rows(bad: Rows) -> str:
    """``"2 of 9 rows (first: 3, 7, counted from 0)"`` for a mask of offending rows."""
    first = ", ".join(str(row) for row in np.flatnonzero(bad)[:SHOWN])
    return f"{int(bad.sum())} of {len(bad)} rows (first: {first}, counted from 0)"


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def nulls(values: pa.Array) -> Rows:
    """Where values are null, [N]."""
    mask: Rows = values.is_null().to_numpy(zero_copy_only=False)
    return mask


def texts(column: pa.Array, *, where: str) -> pa.Array:
    """A column of texts without nulls.

    Raises:
        MtlkdError: where it holds no text, nulls or invalid UTF-8.
    """
    values = strings(column, where=where)
    refuse_nulls(values, where=where, what="text")
    return values


def strings(column: pa.Array, *, where: str, accepted: str = "text") -> pa.Array:
    """A column of strings (or dictionary-coded, or binary strings) as large_string; nulls stay.

    Raises:
        MtlkdError: where it holds something else or invalid UTF-8.
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
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
            f"{said_rows(bad)} are not UTF-8", where=where, fix="write the file again with UTF-8 text"
        ) from error


def token_lists(column: pa.Array, *, where: str) -> pa.Array:
    """A column of lists of words; every row has at least one.

    Raises:
        MtlkdError: where a row is null or empty, or a word is null or not UTF-8.
    """
    lists = explode(column, where=where, accepted="lists of words")
    words = strings(lists.values, where=where, accepted="lists of words")
    _refuse_gaps(lists, nulls(words), where=where, what="words")
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), words)


def numbers(column: pa.Array, *, where: str) -> pa.Array:
    """A column of numbers as float64; NaN becomes null.

    Raises:
        MtlkdError: where it holds no numbers or an infinite one.
    """
    values = _floats(column, where=where, accepted="numbers")
    refuse_infinite(values, where=where)
    return pa.array(values, mask=np.isnan(values))


def categories(column: pa.Array, *, where: str) -> pa.Array:
    """A categorical column (strings, whole numbers, booleans) as strings; nulls stay.

    Raises:
        MtlkdError: where it holds something else or invalid UTF-8.
    """
    if pa.types.is_integer(column.type) or pa.types.is_boolean(column.type):
        return column.cast(pa.large_string())
    return strings(column, where=where, accepted="strings, whole numbers or booleans")


def vectors(column: pa.Array, *, where: str) -> pa.Array:
    """A column of lists of finite numbers, all of one length.

    Raises:
        MtlkdError: where a row is null, empty, of another length, or holds a number that is not finite.
    """
    lists = explode(column, where=where, accepted="lists of numbers")
    values = _floats(lists.values, where=where, accepted="lists of numbers")
    _refuse_gaps(lists, np.isnan(values) | _overflows(values), where=where, what="numbers")
    lengths = np.diff(lists.offsets)
    other = lengths != lengths[:1]
    if other.any():
        fix = "give every row a vector of the same length"
        raise MtlkdError(f"{said_rows(other)} have no {lengths[0]} numbers, as row 0 has", where=where, fix=fix)
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), pa.array(values.astype(np.float32)))


def vector_lists(column: pa.Array, *, where: str) -> pa.Array:
    """A column of lists of vectors, one a token; every row has at least one.

    Raises:
        MtlkdError: where a row is null or empty, or a vector is refused by ``vectors`` (counted by token then).
    """
    lists = explode(column, where=where, accepted="lists of lists of numbers")
    _refuse_gaps(lists, nulls(lists.values), where=where, what="vectors")
    inner = vectors(lists.values, where=f"{where} (tokens end to end)")
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), inner)


def explode(column: pa.Array, *, where: str, accepted: str) -> Lists:
    """The lists of a column, end to end.

    Raises:
        MtlkdError: where the column holds no lists.
    """
    kind = column.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)):
        raise wrong_type(kind, accepted, where=where)
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    offsets = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return Lists(column.flatten(), offsets, nulls(column))


def rows_with(bad: Rows, offsets: NDArray[np.int64]) -> Rows:
    """Rows [N] of which any element (``bad`` [elements]) is marked."""
    counts = np.concatenate([[0], np.cumsum(bad)])
    marked: Rows = counts[offsets[1:]] > counts[offsets[:-1]]
    return marked


def refuse_nulls(values: pa.Array, *, where: str, what: str) -> None:
    """Raise where values are null.

    Raises:
        MtlkdError: with how many and the first rows.
    """
    if values.null_count:
        fix = f"fill them with an empty {what} or drop the rows"
        raise MtlkdError(f"{said_rows(nulls(values))} have no {what}", where=where, fix=fix)


def refuse_infinite(values: NDArray[np.float64], *, where: str) -> None:
    """Raise where numbers are infinite, or become so in float32; NaN passes.

    Raises:
        MtlkdError: with how many and the first rows.
    """
    infinite = _overflows(values)
    if infinite.any():
        fix = "replace infinite numbers (beyond 3e38, that is) or leave them empty"
        raise MtlkdError(f"{said_rows(infinite)} are infinite", where=where, fix=fix)


def wrong_type(kind: pa.DataType, accepted: str, *, where: str) -> MtlkdError:
    """The error for a column of a type that its use does not accept."""
    fix = f"give a column of {accepted}"
    if accepted.startswith("lists"):
        fix += " (CSV cannot hold lists: use Parquet or Arrow)"
    return MtlkdError(f"the column's type is {kind}, not {accepted}", where=where, fix=fix)


def is_string(kind: pa.DataType) -> bool:
    """Whether a type holds strings, checked or not."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests) or "string_view" in str(kind)


def _overflows(values: NDArray[np.float64]) -> Rows:
    beyond: Rows = np.abs(values) > np.finfo(np.float32).max
    return beyond


def _floats(column: pa.Array, *, where: str, accepted: str) -> NDArray[np.float64]:
    kind = column.type
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not any(
        test(kind) for test in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    ):
        raise wrong_type(kind, accepted, where=where)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return values


def _refuse_gaps(lists: Lists, bad: Rows, *, where: str, what: str) -> None:
    empty = lists.offsets[1:] == lists.offsets[:-1]
    if empty.any():
        raise MtlkdError(f"{said_rows(empty)} have no {what}", where=where, fix="drop these rows")
    broken = rows_with(bad, lists.offsets)
    if broken.any():
        fix = f"give finite {what}" if what == "numbers" else f"give {what} without nulls"
        raise MtlkdError(f"{said_rows(broken)} hold null or unusable {what}", where=where, fix=fix)


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


CHECKS: Mapping[Sort, Callable[..., pa.Array]] = {
    "text": texts,
    "tokens": token_lists,
    "number": numbers,
    "category": categories,
    "vector": vectors,
    "token_vectors": vector_lists,
}
"""What brings an input column to its one type."""

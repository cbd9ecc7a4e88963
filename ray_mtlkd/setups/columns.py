"""Columns of a table, checked and brought to one type each, whatever the file called it.

text → large_string; tokens → large_list<large_string>; numeric → float64 with nulls; categorical → large_string with
nulls, the text of each value; vector → large_list<float32>; token vectors → large_list<large_list<float32>>.

All functions take a column in one piece and in a plain type (`ray_mtlkd.setups.plain.whole`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import (
    Checked,
    Rows,
    categories,
    floats,
    is_string,
    nulls,
    numbers,
    overflows,
    said_rows,
    strings,
    wrong_type,
)
from ray_mtlkd.setups.csv_format import PLAIN_MARKS, NumberMarks
from ray_mtlkd.setups.lists import split_cells
from ray_mtlkd.setups.plain import is_list, list_offsets
from ray_mtlkd.setups.values import MARKERS, ValueType, canonical

Sort = Literal["text", "tokens", "number", "category", "vector", "token_vectors"]
"""What an input column holds."""


@dataclass(frozen=True, kw_only=True)
class ColumnRule:
    """How a column is read.

    Attributes:
        sort: What it holds.
        missing: Cells of numbers and categories that mean that the value is missing, besides empty ones.
        values: What all categories of train are.
        marks: What stands in numbers that are texts.
        separator: What stands between the elements of a list that is a text.
    """

    sort: Sort
    missing: tuple[str, ...] = MARKERS
    values: ValueType = "text"
    marks: NumberMarks = PLAIN_MARKS
    separator: str | None = None


@dataclass(frozen=True)
class Lists:
    """A column of lists: ``values`` end to end, ``offsets [N+1]`` int64, ``missing [N]`` where the list is null."""

    values: pa.Array
    offsets: NDArray[np.int64]
    missing: Rows


def texts(column: pa.Array, *, where: str) -> pa.Array:
    """A column of texts without nulls.

    Raises:
        MtlkdError: where it holds no text, nulls or invalid UTF-8.
    """
    values = strings(column, where=where)
    refuse_nulls(values, where=where, what="text")
    return values


def token_lists(column: pa.Array, *, where: str) -> pa.Array:
    """A column of lists of words; every row has at least one.

    Raises:
        MtlkdError: where a row is null or empty, or a word is null or not UTF-8.
    """
    lists = explode(column, where=where, accepted="lists of words")
    words = strings(lists.values, where=where, accepted="lists of words")
    _refuse_gaps(lists, nulls(words), where=where, what="words")
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), words)


def vectors(column: pa.Array, *, where: str) -> pa.Array:
    """A column of lists of finite numbers, all of one length.

    Raises:
        MtlkdError: where a row is null, empty, of another length, or holds a number that is not finite.
    """
    lists = explode(column, where=where, accepted="lists of numbers")
    values = _elements(lists.values, where=where, accepted="lists of numbers")
    _refuse_gaps(lists, np.isnan(values) | overflows(values), where=where, what="numbers")
    lengths = np.diff(lists.offsets)
    other = lengths != lengths[:1]
    if other.any():
        fix = "give every row a vector of the same length"
        raise MtlkdError(f"{said_rows(other)} have no {lengths[0]} numbers, as row 0 has", where=where, fix=fix)
    return pa.LargeListArray.from_arrays(pa.array(lists.offsets), pa.array(values.astype(np.float32, copy=False)))


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
    if not is_list(column.type):
        raise wrong_type(column.type, accepted, where=where)
    return Lists(column.flatten(), list_offsets(column), nulls(column))


def rows_with(bad: Rows, offsets: NDArray[np.int64]) -> Rows:
    """Rows [N] of which any element (``bad`` [elements]) is marked."""
    marked: Rows = np.zeros(len(offsets) - 1, np.bool_)
    marked[np.searchsorted(offsets[1:], np.flatnonzero(bad), side="right")] = True
    return marked


def refuse_nulls(values: pa.Array, *, where: str, what: str) -> None:
    """Raise where values are null.

    Raises:
        MtlkdError: with how many and the first rows.
    """
    if values.null_count:
        fix = f"fill them with an empty {what} or drop the rows"
        raise MtlkdError(f"{said_rows(nulls(values))} have no {what}", where=where, fix=fix)


def _elements(values: pa.Array, *, where: str, accepted: str) -> NDArray[np.floating]:
    """The numbers of lists, end to end, no wider than they are: a table is large; NaN for null."""
    if is_string(values.type):  # of a text that was split
        found = numbers(values, where=where, missing=(), words=False).column
    elif pa.types.is_float16(values.type) or pa.types.is_float32(values.type):
        found = values.cast(pa.float32())
    else:
        return floats(values, where=where, accepted=accepted)
    elements: NDArray[np.floating] = found.to_numpy(zero_copy_only=False)
    return elements


def _refuse_gaps(lists: Lists, bad: Rows, *, where: str, what: str) -> None:
    empty = lists.offsets[1:] == lists.offsets[:-1]
    if empty.any():
        raise MtlkdError(f"{said_rows(empty)} have no {what}", where=where, fix="drop these rows")
    broken = rows_with(bad, lists.offsets)
    if broken.any():
        fix = f"give finite {what}" if what == "numbers" else f"give {what} without nulls"
        raise MtlkdError(f"{said_rows(broken)} hold null or unusable {what}", where=where, fix=fix)


_CHECKS: Mapping[Sort, Callable[..., pa.Array]] = {
    "text": texts,
    "tokens": token_lists,
    "vector": vectors,
    "token_vectors": vector_lists,
}
"""What brings an input column to its one type, of those whose rows all have a value."""


def check(column: pa.Array, rule: ColumnRule, *, where: str) -> Checked:
    """An input column in its one type.

    Raises:
        MtlkdError: where it does not fit.
    """
    if rule.sort == "number":
        return numbers(column, where=where, missing=rule.missing, marks=rule.marks)
    if rule.sort == "category":
        found = categories(column, where=where, missing=rule.missing)
        return Checked(canonical(found.column, rule.values), found.missing)
    if rule.sort != "text":
        column = split_cells(column, rule.separator, where=where)
    return Checked(_CHECKS[rule.sort](column, where=where))

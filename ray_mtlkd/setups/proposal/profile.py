"""What the columns of a table hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.setups.files import column_names, read_table
from ray_mtlkd.setups.plain import is_list, list_offsets, whole
from ray_mtlkd.setups.requests import TableRequest
from ray_mtlkd.setups.values import MARKERS, without_markers

Sort = Literal["number", "text", "texts", "numbers", "vectors", "other"]
"""A number or text a row; a list of texts, of numbers, or of lists of numbers a row; what no model reads."""

ROWS = 50_000
"""Rows from the top that are looked at."""
_NUMBER = r"^\s*[+-]?(?:0|[1-9][0-9]*)?(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\s*$"


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """One column.

    Attributes:
        values: Of the rows that have one: float64, large_string, or lists as they are.
        rows: With and without a value.
        distinct: How many different values; of lists, of their elements.
        counts: How often each of the most frequent thousand texts or numbers stands there, the most frequent first.
        words: Mean number of words of a text.
        length: Of lists, where all have one.
    """

    name: str
    sort: Sort
    values: pa.Array
    rows: int
    distinct: int
    counts: tuple[tuple[str, int], ...] = ()
    words: float = 0.0
    length: int | None = None

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return self.rows - len(self.values)

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers alone."""
        return self.sort == "number" and all("." not in text for text, _ in self.counts)


_MOST_COUNTS = 1000


def profiles(path: Path) -> list[ColumnProfile]:
    """The columns of a table, by their first ``ROWS`` rows.

    Raises:
        MtlkdError: where it cannot be read; ExceptionGroup where several columns stand twice.
    """
    names = column_names(path)
    table = read_table(path, TableRequest(tuple(names))).table[:ROWS]
    return [_profile(name, whole(table[name])) for name in names]


def _profile(name: str, column: pa.Array) -> ColumnProfile:
    rows, kind = len(column), column.type
    if is_list(kind):
        return _listed(name, column.drop_null(), rows)
    if (
        pa.types.is_boolean(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
    ):
        return _numeric(name, column.cast(pa.float64(), safe=False), rows)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_bytes(kind)):
        return ColumnProfile(name=name, sort="other", values=column.drop_null(), rows=rows, distinct=0)
    try:
        texts = column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:  # bytes that are no text
        values = column.drop_null().cast(pa.large_binary())
        return ColumnProfile(name=name, sort="other", values=values, rows=rows, distinct=0)
    found = without_markers(texts, MARKERS)[0].drop_null()
    if len(found) and pc.all(pc.match_substring_regex(found, _NUMBER)).as_py():
        return _numeric(name, pc.utf8_trim_whitespace(found).cast(pa.float64()), rows)
    counts = _counts(found)
    words = pc.mean(pc.list_value_length(pc.utf8_split_whitespace(found))).as_py() or 0.0
    distinct = pc.count_distinct(found).as_py()
    return ColumnProfile(name=name, sort="text", values=found, rows=rows, distinct=distinct, counts=counts, words=words)


def _numeric(name: str, numbers: pa.Array, rows: int) -> ColumnProfile:
    values = numbers.drop_null()
    values = values.filter(pc.is_finite(values))
    counts = tuple((f"{value:.15g}", count) for value, count in _value_counts(values))
    distinct = pc.count_distinct(values).as_py()
    return ColumnProfile(name=name, sort="number", values=values, rows=rows, distinct=distinct, counts=counts)


def _listed(name: str, lists: pa.Array, rows: int) -> ColumnProfile:
    items = whole(lists.flatten())
    lengths = np.unique(np.diff(list_offsets(lists)))
    length = int(lengths[0]) if len(lengths) == 1 else None
    inner = items.type
    if is_list(inner):
        return ColumnProfile(name=name, sort="vectors", values=lists, rows=rows, distinct=0)
    if pa.types.is_floating(inner) or pa.types.is_integer(inner) or pa.types.is_boolean(inner):
        distinct = pc.count_distinct(items).as_py()
        return ColumnProfile(name=name, sort="numbers", values=lists, rows=rows, distinct=distinct, length=length)
    if not (pa.types.is_string(inner) or pa.types.is_large_string(inner)):
        return ColumnProfile(name=name, sort="other", values=lists, rows=rows, distinct=0)
    found = pc.count_distinct(items).as_py()
    return ColumnProfile(
        name=name, sort="texts", values=lists, rows=rows, distinct=found, counts=_counts(items), length=length
    )


def _counts(texts: pa.Array) -> tuple[tuple[str, int], ...]:
    return tuple((str(value), count) for value, count in _value_counts(texts))


def _value_counts(values: pa.Array) -> list[tuple[object, int]]:
    found = [(item["values"].as_py(), item["counts"].as_py()) for item in pc.value_counts(values)]
    return sorted(found, key=lambda item: (-item[1], str(item[0])))[:_MOST_COUNTS]


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))

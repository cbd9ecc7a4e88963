"""What the columns of a table hold."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import floats, is_string, numbers, strings
from ray_mtlkd.setups.csv_format import CsvFormat, NumberMarks
from ray_mtlkd.setups.files import column_names, read_table
from ray_mtlkd.setups.plain import is_list, list_offsets, whole
from ray_mtlkd.setups.requests import TableRequest
from ray_mtlkd.setups.values import MARKERS, counted, without_markers

Sort = Literal["number", "text", "texts", "numbers", "vectors", "other"]
"""A number or text a row; a list of texts, of numbers, or of lists of numbers a row; what no model reads."""

ROWS = 50_000
"""Rows from the top that are looked at."""
_CODE = r"^\s*[+-]?0[0-9]"
"""How texts begin that are codes, though they might be numbers: 007."""


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


def profiles(path: Path, csv: CsvFormat) -> list[ColumnProfile]:
    """The columns of a table, by their first ``ROWS`` rows.

    Args:
        path: Of the table.
        csv: How it is written, where it is a CSV.

    Raises:
        MtlkdError: where it cannot be read; ExceptionGroup where several columns stand twice.
    """
    names = column_names(path, csv=csv)
    table = read_table(path, TableRequest(tuple(names), csv=csv)).table[:ROWS]
    return [_profile(name, whole(table[name]), csv.marks) for name in names]


def _profile(name: str, column: pa.Array, marks: NumberMarks) -> ColumnProfile:
    rows = len(column)
    if is_list(column.type):
        return _listed(name, column.drop_null(), rows)
    try:
        if is_string(column.type):
            return _said(name, strings(column, where=name), rows, marks)
        return _numeric(name, floats(column, where=name, accepted="numbers"), rows)
    except MtlkdError:  # dates, structs, bytes that are no text
        return ColumnProfile(name=name, sort="other", values=column.drop_null(), rows=rows, distinct=0)


def _said(name: str, texts: pa.Array, rows: int, marks: NumberMarks) -> ColumnProfile:
    found = without_markers(texts, MARKERS)[0].drop_null()
    if len(found) and not pc.any(pc.match_substring_regex(found, _CODE)).as_py():
        with suppress(MtlkdError):
            numeric = numbers(found, where=name, words=False, marks=marks).column
            return _numeric(name, numeric.to_numpy(zero_copy_only=False), rows)
    counts = counted(found)
    words = pc.mean(pc.list_value_length(pc.utf8_split_whitespace(found))).as_py() or 0.0
    return ColumnProfile(
        name=name, sort="text", values=found, rows=rows, distinct=len(counts), counts=_most(counts), words=words
    )


def _numeric(name: str, found: NDArray[np.float64], rows: int) -> ColumnProfile:
    values = pa.array(found[np.isfinite(found)])
    counts = counted(values)
    most = tuple((f"{value:.15g}", count) for value, count in _most(counts))
    return ColumnProfile(name=name, sort="number", values=values, rows=rows, distinct=len(counts), counts=most)


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
    counts = counted(items)
    return ColumnProfile(
        name=name, sort="texts", values=lists, rows=rows, distinct=len(counts), counts=_most(counts), length=length
    )


def _most(counts: Counter[Any]) -> tuple[tuple[Any, int], ...]:
    """The most frequent ones; of equally frequent ones the first by name."""
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:_MOST_COUNTS])

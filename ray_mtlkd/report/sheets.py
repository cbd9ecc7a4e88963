"""The report's tables as CSV for spreadsheets and as Parquet for programs: the same columns, rows and numbers."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

TABLES = ("gains", "strategies", "tasks", "configurations", "confusions", "calibration", "disagreements")
"""Every one that there may be."""
TEXT, WHOLE, REAL = pa.string(), pa.int64(), pa.float64()
"""What a column holds."""
_DIGITS = 6
_FORMULAS = ("=", "+", "-", "@", "\t")
"""How a cell begins that a spreadsheet computes."""


def sheet(columns: Mapping[str, pa.DataType], lines: Iterable[Sequence[object]]) -> pa.Table:
    """A table of these lines; its real numbers have six digits, and NaN is no number."""
    cells = list(zip(*lines, strict=True)) or [()] * len(columns)
    arrays = []
    for kind, column in zip(columns.values(), cells, strict=True):
        rounded = [_rounded(each) for each in column] if kind == REAL else column
        arrays.append(pa.array(rounded, kind, from_pandas=True))
    return pa.table(arrays, names=list(columns))


def sheet_files(tables: Mapping[str, pa.Table]) -> dict[str, bytes]:
    """Each table as a CSV file and a Parquet file of its name."""
    pairs = ({f"{name}.csv": csv_file(each), f"{name}.parquet": _parquet(each)} for name, each in tables.items())
    return dict(chain.from_iterable(pair.items() for pair in pairs))


def csv_file(table: pa.Table) -> bytes:
    """The content of a CSV file, whose lines end as on Unix.

    A text that a spreadsheet would take for a formula has an apostrophe before it.
    """
    for at, column in enumerate(table.schema):
        if column.type == TEXT:
            table = table.set_column(at, column.name, _no_formulas(table[column.name]))
    out = io.BytesIO()
    arrow_csv.write_csv(table, out, arrow_csv.WriteOptions(quoting_style="needed", quoting_header="none"))
    return out.getvalue()


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _no_formulas(column: pa.ChunkedArray) -> pa.Array:
    """Each text changed once, however many rows hold it."""
    coded = column.combine_chunks().dictionary_encode()
    texts = pa.array([_no_formula(each) for each in coded.dictionary.to_pylist()], TEXT)
    return texts.take(coded.indices)


def _no_formula(cell: str) -> str:
    if "\r" in cell:  # a reader would begin a new row at one by itself
        cell = cell.replace("\r\n", "\n").replace("\r", "\n")
    if not cell.startswith(_FORMULAS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell


def _rounded(value: object) -> object:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value

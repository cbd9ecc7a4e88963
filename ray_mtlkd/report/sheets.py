"""The report's tables as CSV for spreadsheets and as Parquet for programs: the same columns, rows and numbers."""

import io
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import pyarrow as pa
import pyarrow.parquet as pq

from ray_mtlkd.csv_writing import write_csv

TABLES = ("gains", "strategies", "tasks", "configurations", "confusions", "calibration", "disagreements")
"""Every one that there may be."""
TEXT, WHOLE, REAL = pa.string(), pa.int64(), pa.float64()
"""What a column holds."""
_DIGITS = 6


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
    """The content of a CSV file, whose lines end as on Unix; no cell of it is a formula to a spreadsheet."""
    out = io.BytesIO()
    write_csv(table, out, quoting_header="none")
    return out.getvalue()


def _parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _rounded(value: object) -> object:
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value

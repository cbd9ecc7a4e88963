import csv
import io

import pyarrow as pa
import pytest

from ray_mtlkd.csv_writing import write_csv


def _cells(table, quoting_header="needed"):
    out = io.BytesIO()
    write_csv(table, out, quoting_header=quoting_header)
    return list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_formulas_and_controls_are_text_in_names_and_cells_and_what_is_missing_stays_so(kind):
    table = pa.table({"=1+1": pa.array(["=x", "a\x1b[2J", None, "-", "b, c\nd"], kind), "n": [-1, 2, 3, 4, 5]})
    names, *rows = _cells(table)
    assert names == ["'=1+1", "n"]
    assert [cell for cell, _ in rows] == ["'=x", "a\\x1b[2J", "", "-", "b, c\nd"]
    assert [number for _, number in rows] == ["-1", "2", "3", "4", "5"]


def test_columns_in_several_pieces_and_without_rows_are_written():
    assert _cells(pa.table({"a": pa.chunked_array([["x"], ["=y"]])})) == [["a"], ["x"], ["'=y"]]
    assert _cells(pa.table({"a": pa.array([], pa.string())})) == [["a"]]

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ray_mtlkd.report.sheets import REAL, TEXT, WHOLE, csv_file, sheet, sheet_files


def _cells(content):
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-x", "@SUM(A1)", "\t=1"])
def test_what_a_spreadsheet_would_compute_is_text(cell):
    (_, found) = _cells(csv_file(sheet({"a": TEXT, "b": REAL}, [[cell, -1.5]])))
    assert found == [f"'{cell}", "-1.5"]


@pytest.mark.parametrize("cell", ["-1.5", "+2e3", "a=b", "", "\N{EN DASH}"])
def test_numbers_and_other_texts_stay_as_they_are(cell):
    assert _cells(csv_file(sheet({"a": TEXT}, [[cell]]))) == [["a"], [cell]]


def test_a_cell_with_an_end_of_line_stays_one_cell():
    assert _cells(csv_file(sheet({"a": TEXT}, [["x\r\ny\rz"]]))) == [["a"], ["x\ny\nz"]]


def test_what_is_no_number_is_nothing_and_numbers_have_six_digits():
    table = sheet({"real": REAL, "whole": WHOLE}, [[float("nan"), 7], [None, None], [0.12345678, 12345678]])
    assert table.to_pylist() == [
        {"real": None, "whole": 7},
        {"real": None, "whole": None},
        {"real": 0.123457, "whole": 12345678},
    ]
    assert _cells(csv_file(table))[1:] == [["", "7"], ["", ""], ["0.123457", "12345678"]]


def test_both_files_have_the_same_rows_under_the_same_names_in_types_of_their_own():
    columns = {"name": TEXT, "seed": WHOLE, "score": REAL}
    found = sheet_files({"some": sheet(columns, [["007", 1, 0.5], ["=x", 2, None]])})
    assert list(found) == ["some.csv", "some.parquet"]
    parquet = pq.read_table(pa.BufferReader(found["some.parquet"]))
    assert dict(zip(parquet.schema.names, parquet.schema.types, strict=True)) == columns
    assert parquet.to_pylist() == [{"name": "007", "seed": 1, "score": 0.5}, {"name": "=x", "seed": 2, "score": None}]
    assert _cells(found["some.csv"]) == [list(columns), ["007", "1", "0.5"], ["'=x", "2", ""]]


def test_a_table_without_rows_keeps_its_columns():
    table = sheet({"name": TEXT, "score": REAL}, [])
    assert (table.num_rows, table.schema.types) == (0, [TEXT, REAL])

import csv
import io

import pytest
from markdown_it import MarkdownIt

from ray_mtlkd.report import text


@pytest.mark.parametrize("name", ["sum", "a`b", "``", "x`", "`x", "a  b", "<b>", "a|b", "*x*"])
def test_a_name_is_read_in_markdown_as_it_is_whatever_signs_it_has(name):
    (paragraph,) = [each for each in MarkdownIt().parse(text.code(name)) if each.type == "inline"]
    (only,) = paragraph.children
    assert (only.type, only.content) == ("code_inline", " ".join(name.split()))


@pytest.mark.parametrize("cell", ["=1+1", "+cmd|' /C calc'!A0", "-x", "@SUM(A1)", "\t=1"])
def test_what_a_spreadsheet_would_compute_is_text(cell):
    (_, (found, number)) = list(csv.reader(io.StringIO(text.csv_file(["a", "b"], [[cell, -1.5]]).decode(), newline="")))
    assert (found, number) == (f"'{cell}", "-1.5")


@pytest.mark.parametrize("cell", ["-1.5", "+2e3", "a=b", "", "\N{EN DASH}"])
def test_numbers_and_other_texts_stay_as_they_are(cell):
    assert text.csv_file(["a"], [[cell]]).decode().splitlines()[1] in {cell, '""'}


def test_a_cell_with_an_end_of_line_stays_one_cell():
    found = list(csv.reader(io.StringIO(text.csv_file(["a"], [["x\r\ny\rz"]]).decode(), newline="")))
    assert found == [["a"], ["x\ny\nz"]]

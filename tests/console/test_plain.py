import io
import os

import pytest
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ray_mtlkd.console import plain
from tests.nasty import NASTY


def test_bytes_of_a_file_name_that_are_no_text_are_printed_as_they_are():
    written = io.BytesIO()
    output = io.TextIOWrapper(written, encoding="utf-8", errors=plain.HANDLER)
    output.write(os.fsdecode(b"runs/\xe9 \xc3\xa9"))
    output.flush()
    assert written.getvalue() == b"runs/\xe9 \xc3\xa9"


@pytest.mark.parametrize("sign", ["\x1b", "\x07", "\x08", "\x7f", "\x9b", "\u202e"])
def test_signs_that_command_a_terminal_are_shown_and_not_obeyed(sign, capsys):
    plain.open_console().print(f"a{sign}[31mb\tc\nd", soft_wrap=True)
    found = capsys.readouterr().out
    assert sign not in found
    assert repr(sign)[1:-1] in found
    assert len(found.splitlines()) == 2


@pytest.mark.parametrize("name", NASTY)
def test_a_text_with_a_style_is_spelled_on_its_way_out_as_well(name, capsys):
    console = plain.open_console()
    console.print(Text(name, style="bold"), soft_wrap=True)
    table = Table()
    table.add_row(Text(name), name)
    console.print(table)
    console.print(Panel(Text(name), title=name))
    found = capsys.readouterr().out.replace("\n", "").replace("\t", "")
    assert found.isprintable()


def test_a_paper_prints_nowhere_and_holds_what_is_printed(capsys):
    paper = plain.open_paper(40)
    paper.print("[b]:smile:")
    assert paper.export_text() == "[b]:smile:\n"
    assert capsys.readouterr().out == ""

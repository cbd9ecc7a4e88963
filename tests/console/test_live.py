"""A line that lives, by where it stands."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from ray_mtlkd.console import notebook
from ray_mtlkd.console.live import LiveLine, print_line


class _Cell:
    """The outputs of a notebook's cell, each with all that it has shown."""

    def __init__(self):
        self.outputs = []

    def display(self, data, *, raw, display_id):
        assert raw
        assert display_id
        shown = [data]
        self.outputs.append(shown)
        return _Handle(shown)


class _Handle:
    def __init__(self, shown):
        self._shown = shown

    def update(self, data, *, raw):
        assert raw
        self._shown.append(data)


@pytest.fixture
def cell(monkeypatch):
    cell = _Cell()
    monkeypatch.setattr(notebook, "import_module", lambda _: cell)
    return cell


def _console(**kind):
    return Console(file=io.StringIO(), width=80, color_system=None, **kind)


def _grid(*rows):
    table = Table.grid()
    for row in rows:
        table.add_row(row)
    return table


def test_in_a_notebook_it_is_one_output_that_ends_with_what_was_said_last(cell):
    with LiveLine(_console(force_jupyter=True), "first") as line:
        assert line.lives
        for at in range(5):
            line.show(f"{at} <done> [x]", over=False, below=[_grid("below")])
    (shown,) = cell.outputs
    assert shown[0]["text/plain"] == "first\n"
    assert shown[-1]["text/plain"] == "4 <done> [x]\nbelow\n"
    assert "4 &lt;done&gt; [x]" in shown[-1]["text/html"]
    assert len(shown) == 2  # what came within a moment was held back


def test_what_is_said_in_a_notebook_after_a_moment_is_shown_at_once(cell, monkeypatch):
    monkeypatch.setattr(notebook, "_PAUSE_S", 0.0)
    with LiveLine(_console(force_jupyter=True), "first") as line:
        line.show("one", over=False)
        line.show("two", over=False)
        assert [data["text/plain"] for data in cell.outputs[0]] == ["first\n", "one\n", "two\n"]
    assert len(cell.outputs[0]) == 3


def test_a_line_that_stays_is_an_output_of_its_own_which_the_browser_wraps(cell):
    console = _console(force_jupyter=True)
    for _ in range(2):
        print_line(console, "[word] " * 40, style="yellow")
    assert [data["text/plain"].count("\n") for (data,) in cell.outputs] == [1, 1]
    assert all("pre-wrap" in data["text/html"] for (data,) in cell.outputs)
    assert console.file.getvalue() == ""


def test_elsewhere_it_is_a_line_now_and_then_and_the_last_one():
    console = _console(force_terminal=False, force_jupyter=False)
    with LiveLine(console, "first") as line:
        assert not line.lives
        for at in range(4):
            line.show(f"{at}", over=at == 3, below=[_grid("below")])
    assert console.file.getvalue().splitlines() == ["first", "0", "3"]

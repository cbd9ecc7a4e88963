"""The file of all wordings."""

import ast
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml

from ray_mtlkd.errors import MtlkdError
from tests.messages import STRANGERS, Messages, Words, place_of

TESTS = Path(__file__).parent
PLACE = ("tests/test_a.py", "test_of_b", "")


def test_every_entry_is_of_a_test_that_asks_for_it(request):
    """Of the files that a run reads; `pytest --rewrite-messages` leaves the others out."""
    assert request.config.stash[STRANGERS] == set()


def _quotes(tree):
    """Lines in which the words of an error stand in the test that meets it."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    return [
        call.lineno
        for call in calls
        if isinstance(call.args[0], ast.Name)
        and call.args[0].id == "MtlkdError"
        and any(keyword.arg == "match" for keyword in call.keywords)
    ]


def test_no_other_file_quotes_what_an_error_says():
    assert _quotes(ast.parse('with pytest.raises(MtlkdError, match="x"): ...')) == [1]
    sources = {path: path.read_text(encoding="utf-8") for path in TESTS.rglob("*.py")}
    found = {
        path: _quotes(ast.parse(text)) for path, text in sources.items() if "MtlkdError" in text and "match" in text
    }
    assert {str(path.relative_to(TESTS)): lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(("name", "case"), [("test_of_b", ""), ("test_of_b[c[0]::d]", "c[0]::d")])
def test_words_stand_at_the_file_the_test_and_the_case(name, case):
    assert place_of(SimpleNamespace(nodeid=f"tests/test_a.py::{name}")) == ("tests/test_a.py", "test_of_b", case)


def test_words_are_the_same_on_every_machine_with_every_torch_and_any_number_of_names():
    words = Words(PLACE, "/base")
    words(f"/base/test_b0/file.csv: not read by {torch.__version__} (0123abcd…)")
    words(f"{platform.node()}: no GPU; use one of: a, b, c")
    problem = MtlkdError("wrong", where="/base/kept3", fix="mend it")
    words(ExceptionGroup("several", [problem, ExceptionGroup("inside", [problem])]))
    assert words.told == [
        "TMP/file.csv: not read by VERSION (CHECKSUM)",
        "HOST: no GPU; use one of: NAMES",
        *["TMP: wrong; mend it"] * 2,
    ]


def test_what_a_run_met_is_written_by_place(tmp_path):
    file = tmp_path / "messages.yaml"
    file.write_text("tests/test_a.py: {test_of_b: x, test_d: y}")
    messages = Messages(file)
    met = {PLACE: ["one: ä 'text'"], ("tests/test_a.py", "test_c", "null"): ["first", "second\nand its line"]}
    messages.entries |= met
    assert messages.strangers(met) == {("tests/test_a.py", "test_d", "")}
    del messages.entries["tests/test_a.py", "test_d", ""]
    messages.write()
    assert Messages(file).entries == met
    assert yaml.safe_load(file.read_text()) == {
        "tests/test_a.py": {"test_of_b": "one: ä 'text'", "test_c": {"null": ["first", "second\nand its line"]}}
    }

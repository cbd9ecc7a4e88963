"""Pages that the code says are what it says."""

import pytest

from docs_site import keys, parts


@pytest.mark.parametrize("module", [keys, parts], ids=lambda module: module.__name__)
def test_the_page_shows_what_the_classes_say(module):
    assert module.PAGE.read_text() == module.page(), f"write the page anew: python -m {module.__name__}"


def test_a_key_shows_its_values_its_default_and_its_meaning():
    lines = keys.page().splitlines()
    assert "- **`eval_every`** in [1, inf) whole; `25`<br>Steps between two evaluations." in lines
    assert "- **`report`** [keys of its own](#report)<br>How its report judges; decides nothing of a trial." in lines
    assert "- **`valid`** in (0, 1); `0.1`<br>Share of the rows." in lines


def test_a_part_shows_its_paper_its_formula_and_its_example_and_no_mark_of_a_docstring():
    _, _, part = parts.page().partition("### pcgrad\n")
    part = part.partition("### ")[0]
    assert "Yu, Kumar, Gupta" in part
    assert "\n```text\nfor the other tasks j in random order:\n    if v . g_j < 0:" in part
    assert "\n((1.5, 1.5), (1.0, 1.0))\n```" in part
    assert "::\n" not in parts.page()
    assert "``" not in parts.page().replace("```", "")
    assert "Attributes:" not in parts.page()

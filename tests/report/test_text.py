import pytest
from markdown_it import MarkdownIt

from ray_mtlkd.escapes import one_line
from ray_mtlkd.report import text
from tests.nasty import NASTY


@pytest.mark.parametrize("name", ["sum", "a`b", "``", "x`", "`x", "a  b", "<b>", "*x*"])
def test_a_name_is_read_in_markdown_as_it_is_whatever_signs_it_has(name):
    (paragraph,) = [each for each in MarkdownIt().parse(text.code(name)) if each.type == "inline"]
    (only,) = paragraph.children
    assert (only.type, only.content) == ("code_inline", " ".join(name.split()))


@pytest.mark.parametrize("name", NASTY)
def test_without_marks_a_name_is_what_it_was(name):
    said = f"**Ship {text.code(name)}.** It\n\n- {text.plain(name)}: 1 of 2"
    shown = one_line(name)
    assert text.unmarked(said) == f"Ship {shown}. It\n\n- {shown}: 1 of 2"

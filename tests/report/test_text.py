import pytest
from markdown_it import MarkdownIt

from ray_mtlkd.report import text


@pytest.mark.parametrize("name", ["sum", "a`b", "``", "x`", "`x", "a  b", "<b>", "*x*"])
def test_a_name_is_read_in_markdown_as_it_is_whatever_signs_it_has(name):
    (paragraph,) = [each for each in MarkdownIt().parse(text.code(name)) if each.type == "inline"]
    (only,) = paragraph.children
    assert (only.type, only.content) == ("code_inline", " ".join(name.split()))

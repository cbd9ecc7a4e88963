import doctest
import re

import pytest
from markdown import markdown
from markdown_it import MarkdownIt

from ray_mtlkd import escapes
from tests.nasty import NASTY


def test_the_examples_hold():
    found = doctest.testmod(escapes)
    assert (found.failed, found.attempted > 0) == (0, True)


@pytest.mark.parametrize("name", NASTY)
@pytest.mark.parametrize("before", ["", "- ", "## ", "see "])
def test_a_name_is_text_in_markdown_wherever_it_stands(name, before):
    blocks = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(before + escapes.in_markdown(name))
    (inline,) = [block for block in blocks if block.type == "inline"]
    assert {token.type for token in inline.children} == {"text"}
    assert "".join(token.content for token in inline.children) == before.lstrip("-# ") + escapes.one_line(name)
    assert len(blocks) == (7 if before == "- " else 3)


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_text_in_what_tensorboard_makes_of_markdown(name):
    found = markdown(f"- {escapes.in_markdown(name)}", extensions=["fenced_code", "tables"])
    assert re.findall(r"<[^>]*>", found) == ["<ul>", "<li>", "</li>", "</ul>"]


@pytest.mark.parametrize("name", NASTY)
def test_code_in_a_table_stays_in_its_cell_whatever_name_it_is(name):
    table = f"| a | b |\n|---|---|\n| {escapes.as_code(name)} | 1 |"
    blocks = MarkdownIt("gfm-like", {"html": True, "linkify": False}).parse(table)
    (*_, cell, last) = [block for block in blocks if block.type == "inline"]
    assert [token.type for token in cell.children] in (["code_inline"], ["text"])
    assert (cell.children[0].content, last.content) == (escapes.one_line(name), "1")


def test_a_name_of_nothing_is_seen():
    assert escapes.as_code(" \n") == '""'


@pytest.mark.parametrize("link", ["http://x.test", "HTTPS://x.test", "www.x.test", "mailto:a@x.test"])
def test_an_address_is_none_that_a_reader_of_markdown_links_by_itself(link):
    assert link not in escapes.in_markdown(f"see {link}")


@pytest.mark.parametrize("text", ["loss is NaN in task a_b at step 4", "C++ (x=1), 50 % -> 2.5", "A & B's", "-1.5"])
def test_what_no_markdown_takes_for_more_is_written_as_it_is(text):
    assert escapes.in_markdown(text) == text

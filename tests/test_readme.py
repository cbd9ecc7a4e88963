"""What the README names is there, and the search spaces beside it are sound."""

import re
from pathlib import Path

import pytest

from ray_mtlkd.sweep.space import read_space

ROOT = Path(__file__).parents[1]
SPACES = sorted((ROOT / "search_spaces").rglob("*.yaml"))


@pytest.mark.parametrize("path", SPACES, ids=lambda path: path.stem)
def test_every_search_space_decodes(path):
    place = path.relative_to(ROOT / "search_spaces").with_suffix("")
    assert read_space(path).name == "-".join(place.parts)


def test_nothing_is_left_to_fill_in():
    assert "@@" not in (ROOT / "README.md").read_text()


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target

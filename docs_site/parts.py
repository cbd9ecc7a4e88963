"""The page of balancers, curricula, ways of sharing and regularizers, each as its docstring tells it.

``python -m docs_site.parts`` writes it.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ray_mtlkd.models.regularizers import REGULARIZERS
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.strategies import FAMILIES
from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.curricula import CURRICULA

PAGE = Path(__file__).parents[1] / "docs" / "parts.md"

_INTRODUCTION = """\
# Every part, with its formula

Written by `python -m docs_site.parts` from the docstrings, whose examples the tests run, and compared with them by a
test. What can be set of each is in [every key](keys.md), and of balancers in [their table](balancers.md).
"""
_SORTS: Mapping[str, tuple[str, Mapping[str, type[Any]]]] = {
    "Balancers": ("How the losses of one step become one update.", OWN_BALANCERS),
    "Curricula": ("When a task trains, and on which targets.", CURRICULA),
    "Sharing": ("Which parameters tasks have in common.", SHARING),
    "Regularizers": ("What is asked of parameters, beside the losses.", REGULARIZERS),
}


def page() -> str:
    """The page in Markdown."""
    return "\n".join([_INTRODUCTION, *_sections()])


def _sections() -> Iterator[str]:
    for title, (said, parts) in _SORTS.items():
        yield f"## {title}\n\n{said}\n"
        for name, kind in parts.items():
            yield f"### {name}:METHOD\n" if name in FAMILIES else f"### {name}\n"
            yield _in_markdown(inspect.getdoc(kind) or "") + "\n"


def _in_markdown(docstring: str) -> str:
    """A docstring without its attributes; formulas, which are indented, and examples are blocks of code."""
    text, _, _ = docstring.partition("\nAttributes:\n")
    return "\n\n".join(_block(block) for block in re.split(r"\n\n(?=\S)", text.strip()))


def _block(block: str) -> str:
    if block.startswith(">>>"):
        return f"```pycon\n{block}\n```"
    prose, is_formula, formula = block.partition("\n\n")
    prose = re.sub(r"^::$|(?<=:):$", "", prose.replace("``", "`"))
    return f"{prose}\n\n```text\n{textwrap.dedent(formula)}\n```".strip() if is_formula else prose


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

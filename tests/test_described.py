from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le, Lt, MultipleOf

from ray_mtlkd.described import attributes_of, default_of, idea_of, values_of


@dataclass
class _Below:
    """Something below.

    Attributes:
        depth: How far.
        width: Not this.
    """

    depth: Annotated[int, Ge(1)]


@dataclass
class _Whole(_Below):
    """What it is.

    And more of it.

    Attributes:
        width: How wide it is, told
            in two lines.
        below: What is below.
    """

    width: float = 0.5
    names: tuple[str, ...] = ("a",)
    mode: str = "one"
    below: _Below = field(default_factory=lambda: _Below(depth=1))
    limit: int | None = None


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (Annotated[int, Ge(1)], "in [1, inf) whole"),
        (Annotated[float, Gt(0), Le(1)], "in (0, 1]"),
        (Annotated[float, Ge(0), Lt(1)] | None, "in [0, 1)"),
        (Annotated[int, Ge(2), MultipleOf(2)], "in [2, inf) a multiple of 2 whole"),
        (Annotated[int, Ge(1), "an odd number"], "an odd number"),
        (Literal["a", "b"] | bool, "one of `a`, `b` or `true` or `false`"),
        (dict[str, float], "by name, each in (-inf, inf)"),
        (tuple[Annotated[int, Ge(1)], ...], "a list, each in [1, inf) whole"),
        (tuple[str, str], "a list of 2, each a text"),
        (list[Any], "a list, each as its own keys say"),
        (_Below, "a mapping with `depth`"),
    ],
)
def test_a_type_says_its_values(declared, said):
    assert values_of(declared) == said


def test_a_type_without_words_is_an_error():
    with pytest.raises(TypeError):
        values_of(bytes)


def test_defaults_are_as_yaml_writes_them():
    found = {each.name: default_of(each) for each in fields(_Whole)}
    assert found == {
        "depth": None,
        "width": "0.5",
        "names": '["a"]',
        "mode": "one",
        "below": None,
        "limit": "null",
    }


def test_attributes_are_those_of_the_class_before_those_that_it_is_made_of():
    said = attributes_of(_Whole)
    assert said == {"depth": "How far.", "width": "How wide it is, told in two lines.", "below": "What is below."}


def test_the_idea_is_the_first_line():
    assert idea_of(_Whole) == "What it is."

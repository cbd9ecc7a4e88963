import difflib
import pickle
from dataclasses import FrozenInstanceError, field, replace
from typing import Annotated, Literal

import pytest
from annotated_types import Ge, Le, Lt, MinLen, MultipleOf

from ray_mtlkd.decode import decode, document, join, leaves, refuse, unknown_name
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.ranges import PositiveFloat, PositiveInt


@document
class Inner:
    lr: PositiveFloat = 1.0
    sizes: tuple[int, ...] = (1,)
    first: int = 0
    last: int = 9

    def __post_init__(self):
        refuse(self._contradictions())

    def _contradictions(self):
        if self.first > self.last:
            yield MtlkdError(f"{self.first} is behind {self.last}", where="first", fix="put it in front")
        if self.last > 9:
            yield MtlkdError(f"{self.last} is the end", where="last", fix="stop before")


@document
class Outer:
    name: str
    inner: Inner
    many: dict[str, Inner] = field(default_factory=dict)


def _problems(value):
    problems = []
    with gather(problems):
        decode(Outer, value, where="")
    return sorted(problems, key=str)


def test_a_document_becomes_frozen_dataclasses_all_the_way_down():
    value = {"name": "a", "inner": {"lr": 1e-4, "sizes": [1, 2]}, "many": {"x": {"lr": 2}}}
    assert decode(Outer, value, where="") == Outer(
        name="a", inner=Inner(lr=1e-4, sizes=(1, 2)), many={"x": Inner(lr=2.0)}
    )


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"name": "a"}, ["inner"]),
        ({"name": 3, "inner": {}}, ["name"]),
        ({"name": "a", "inner": {"lr": True}}, ["inner.lr"]),
        ({"name": "a", "inner": {"lr": -1.0}}, ["inner.lr"]),
        ({"name": "a", "inner": {"sizes": [1, 2.5]}}, ["inner.sizes[1]"]),
        ({"name": "a", "inner": {}, "many": {"x": {"lrr": 1}}}, ["many.x.lrr"]),
        ({"name": "a", "inner": {"lr": float("nan")}}, ["inner.lr"]),
        (
            {"name": "a", "inner": {"first": 99, "last": 10}},
            ["inner.first", "inner.last"],
        ),
        (
            {"name": "a", "inner": {}, "many": {"x": {"first": 5, "last": 4}, "y": {"lr": 0}}},
            ["many.x.first", "many.y.lr"],
        ),
        ({"name": "a", "inner": {3: 4}}, ["inner"]),
        (
            {"inner": {"lr": "x"}, "nam": "a"},
            ["inner.lr", "nam", "name"],
        ),
    ],
    ids=str,
)
def test_every_mistake_is_named_at_its_path(value, places, worded):
    found = _problems(value)
    assert [problem.where for problem in found] == places
    for problem in found:
        worded(problem)


@document
class Ranges:
    size: PositiveInt | Annotated[dict[str, PositiveInt], MinLen(1)] = 1
    way: Literal["equal", "fair"] | Annotated[float, Ge(1)] = "equal"
    clip: PositiveFloat | None = None
    share: Annotated[float, Ge(0.5), Lt(1)] = 0.5
    even: Annotated[int, MultipleOf(2), Le(8)] = 2
    flag: bool = True
    inner: Inner | None = None
    pair: tuple[str, str] = ("a", "b")


@pytest.mark.parametrize(
    ("value", "places"),
    [
        ({"size": 0}, ["size"]),
        ({"size": {"a": 0, "b": 1}}, ["size.a"]),
        ({"size": {}}, ["size"]),
        ({"way": 0.5}, ["way"]),
        ({"clip": 0}, ["clip"]),
        ({"clip": "x"}, ["clip"]),
        ({"share": 1}, ["share"]),
        ({"share": 0.25}, ["share"]),
        ({"even": 3}, ["even"]),
        ({"even": 10}, ["even"]),
        ({"flag": "no"}, ["flag"]),
        ({"inner": 3}, ["inner"]),
        ({"inner": {"lr": 0}}, ["inner.lr"]),
        ({"inner": {"rate": 0}}, ["inner.rate"]),
        ({"pair": ["a"]}, ["pair"]),
        ({"pair": ["a", "b", "c"]}, ["pair"]),
    ],
    ids=str,
)
def test_a_value_out_of_range_is_told_what_would_fit(value, places, worded):
    found = []
    with gather(found):
        decode(Ranges, value, where="")
    assert [problem.where for problem in found] == places
    for problem in found:
        worded(problem)


def test_four_mistakes_are_four_errors():
    found = []
    with gather(found):
        decode(Ranges, {"size": -1, "way": "no", "clip": 0, "even": 3}, where="ranges")
    assert [problem.where for problem in found] == ["ranges.size", "ranges.way", "ranges.clip", "ranges.even"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"lr": -1.0}, "lr"),
        ({"lr": float("inf")}, "lr"),
        ({"lr": "1"}, "lr"),
        ({"sizes": [1]}, "sizes"),
        ({"first": 99}, "first"),
        ({"rate": 1.0}, "rate"),
    ],
)
def test_what_a_file_may_not_say_python_may_not_either(wrong, said):
    with pytest.raises(ValueError, match=said):
        Inner(**wrong)
    with pytest.raises(ValueError, match=said):
        replace(Inner(), **wrong)


def test_a_document_is_a_frozen_dataclass():
    inner = Inner(lr=2, sizes=(3,))
    assert inner == replace(Inner(sizes=(3,)), lr=2.0)
    assert hash(inner) == hash(Inner(lr=2.0, sizes=(3,)))
    assert pickle.loads(pickle.dumps(inner)) == inner  # noqa: S301 - its own
    with pytest.raises(FrozenInstanceError):
        inner.lr = 3.0


def test_an_unknown_name_lists_the_valid_ones(worded):
    problem = unknown_name("grandnorm", ["sum", "gradnorm", "static"], what="balancer", where="here")
    assert problem.fix.endswith("gradnorm, static, sum")
    worded(problem)


def test_paths_read_like_yaml():
    assert join("", "tasks", "a", 0, "b") == "tasks.a[0].b"


def test_every_leaf_of_plain_data_has_its_path():
    value = {"a": {"b": [1, 2], "c": None}, "d": [{"e": 1}, "f"], "g": {}}
    assert leaves(value) == {"a.b": [1, 2], "a.c": None, "d[0].e": 1, "d[1]": "f"}


@pytest.mark.parametrize(
    "value", [2**53 + 1, -(2**53) - 1, 2**64, 10**400], ids=["over", "under", "64 bits", "400 digits"]
)
def test_a_whole_number_that_a_table_would_not_keep_is_refused(value, refused):
    with refused():
        decode(Inner, {"last": 9, "lr": value}, where="")
    assert decode(Inner, {"lr": 2**53}, where="").lr == 2**53


def test_of_many_mistakes_the_first_are_told_and_the_rest_are_counted(worded, monkeypatch):
    asked = []
    close = difflib.get_close_matches
    monkeypatch.setattr(
        difflib, "get_close_matches", lambda *given, **more: asked.append(given) or close(*given, **more)
    )
    for wrong in ({f"k{at}": 1 for at in range(40_000)}, {f"k{at}": float("nan") for at in range(40_000)}):
        found = _problems({"name": "a", "inner": wrong})
        assert len(found) == 101
        assert {problem.where for problem in found[1:]} < {f"inner.k{at}" for at in range(40_000)}
        worded(found[0])
    assert len(asked) == 100

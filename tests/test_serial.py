import json
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.serial import dumps, fingerprint, loads, plain


@dataclass(frozen=True)
class Inner:
    value: float | None
    seen: bool = False


@dataclass(frozen=True, kw_only=True)
class Outer:
    rows: tuple[Inner, ...]
    name: str = ""
    by_step: Mapping[int, Inner] = field(default_factory=dict)
    switched: frozenset[int] = frozenset()
    curve: list[Inner | None] = field(default_factory=list)


WHOLE = Outer(
    rows=(Inner(0.1, seen=True), Inner(None)),
    name="ü",
    by_step={20: Inner(1.0), 100: Inner(-0.0)},
    switched=frozenset({3, 1}),
    curve=[None, Inner(2.5)],
)


def _again(kind, value):
    return loads(kind, dumps(value), where="here", fix="write it again")


def test_what_was_written_is_read_by_its_type():
    assert _again(Outer, WHOLE) == WHOLE
    assert _again(tuple[()], ()) == ()
    assert _again(tuple[tuple[float, ...], int], ((1.0, 2.5), 3)) == ((1.0, 2.5), 3)


@settings(deadline=None)
@given(st.floats())
def test_every_bit_of_a_float_survives(value):
    found = _again(Inner, Inner(value)).value
    assert found == value or (math.isnan(found) and math.isnan(value))
    assert math.isnan(value) or math.copysign(1, found) == math.copysign(1, value)


def test_the_state_of_a_generator_survives():
    state = random.Random(3).getstate()
    assert _again(tuple[int, tuple[int, ...], float | None], state) == state


def test_it_is_json_that_anybody_reads():
    assert json.loads(dumps(WHOLE)) == plain(WHOLE)
    assert plain(WHOLE) == {
        "rows": [{"value": 0.1, "seen": True}, {"value": None, "seen": False}],
        "name": "ü",
        "by_step": {"20": {"value": 1.0, "seen": False}, "100": {"value": 0.0, "seen": False}},
        "switched": [1, 3],
        "curve": [None, {"value": 2.5, "seen": False}],
    }


@pytest.mark.parametrize("odd", [{1, 2}, b"bytes", Inner, object(), (1.0, {2.0})])
def test_what_is_no_plain_data_is_a_mistake_of_its_author(odd):
    with pytest.raises(TypeError):
        dumps(odd)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"rows": 3}, "rows"),
        ({"rows": [{"value": 1.0}, {"value": "1"}]}, "rows[1].value"),
        ({"rows": [{"value": 1.0, "seen": 1}]}, "rows[0].seen"),
        ({"rows": [{"worth": 1.0}]}, "rows[0].value"),
        ({"more": 1}, "more"),
        ({"by_step": {"x": {"value": 1.0}}}, "by_step"),
        ({"switched": [1.5]}, "switched[0]"),
    ],
)
def test_what_does_not_fit_is_named(change, place):
    text = json.dumps({**json.loads(dumps(WHOLE)), **change})
    with pytest.raises(MtlkdError) as caught:
        loads(Outer, text, where="here", fix="write it again")
    assert (caught.value.where, caught.value.fix) == ("here", "write it again")
    assert f"({place}" in caught.value.what


@pytest.mark.parametrize("text", ["", "{", "[]", "null", b"\xff"])
def test_what_is_not_even_that_is_one_error(text):
    with pytest.raises(MtlkdError) as caught:
        loads(Outer, text, where="here", fix="write it again")
    assert (caught.value.where, caught.value.fix) == ("here", "write it again")


def test_equal_values_have_one_fingerprint():
    assert fingerprint({"a": 1, "b": (Inner(0.1),)}) == fingerprint({"b": [Inner(0.1)], "a": 1})
    assert fingerprint(Inner(0.1)) != fingerprint(Inner(0.2))

import json
import math
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.strategies import dump_state, load_state


@dataclass(frozen=True)
class Inner:
    value: float
    seen: bool


@dataclass(frozen=True)
class Outer:
    rows: tuple[Inner, ...]
    first: float | None
    name: str


LIKE = Outer(rows=(Inner(0.0, seen=False), Inner(0.0, seen=False)), first=None, name="")


@settings(deadline=None)
@given(
    values=st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 2),
    first=st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_every_bit_of_a_float_survives(values, first):
    state = Outer(rows=tuple(Inner(value, seen=True) for value in values), first=first, name="n")
    restored = load_state(LIKE, json.loads(json.dumps(dump_state(state))))
    assert restored == state
    assert [math.copysign(1, row.value) for row in restored.rows] == [math.copysign(1, value) for value in values]


def test_dumped_data_are_plain():
    assert dump_state(LIKE) == {
        "rows": [{"value": 0.0, "seen": False}, {"value": 0.0, "seen": False}],
        "first": None,
        "name": "",
    }
    assert dump_state(()) == []


@pytest.mark.parametrize("odd", [[1.0], {"a": 1.0}, frozenset({1}), Inner, (1.0, [2.0])])
def test_a_state_that_is_not_plain_is_a_mistake_of_its_author(odd):
    with pytest.raises(TypeError, match="a state is made of tuples"):
        dump_state(odd)


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ([], "state"),
        ({"rows": [], "first": None, "name": ""}, "state.rows"),
        ({"rows": 3, "first": None, "name": ""}, "state.rows"),
        ({"rows": [{"value": 0.0}] * 2, "first": None, "name": ""}, "state.rows[0]"),
        ({"rows": [{"value": 0.0, "seen": True}] * 2, "first": [1.0], "name": ""}, "state.first"),
        ({"rows": [{"value": 0.0, "seen": True}] * 2, "first": None}, "state"),
    ],
)
def test_data_of_another_shape_are_refused_where_they_differ(data, where):
    with pytest.raises(MtlkdError, match="does not fit this strategy and these tasks") as caught:
        load_state(LIKE, data)
    assert caught.value.where == where

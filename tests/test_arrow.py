from dataclasses import dataclass, field
from typing import Literal

import pyarrow as pa
import pytest

from ray_mtlkd.arrow import arrow_type, defaults_of, from_plain, is_optional, schema_of, to_plain


@dataclass(frozen=True)
class _Point:
    at: int
    value: float | None = None


@dataclass(frozen=True)
class _Row:
    name: str
    sort: Literal["a", "b"]
    sure: bool = True
    points: list[_Point] = field(default_factory=list)


def test_columns_follow_from_fields():
    points = pa.list_(pa.struct([("at", pa.int64()), ("value", pa.float64())]))
    assert schema_of(_Row) == pa.schema(
        [("name", pa.string()), ("sort", pa.string()), ("sure", pa.bool_()), ("points", points)]
    )
    assert defaults_of(_Row) == {"sure": True, "points": []}


def test_a_row_goes_through_a_table_and_back():
    row = _Row("n", "b", sure=False, points=[_Point(1, 0.1 + 0.2), _Point(2)])
    (plain,) = pa.Table.from_pylist([to_plain(row)], schema=schema_of(_Row)).to_pylist()
    assert from_plain(_Row, plain) == row


def test_what_a_row_lacks_at_any_depth_is_its_default():
    assert from_plain(_Row, {"name": "n", "sort": "a", "points": [{"at": 1}]}) == _Row("n", "a", points=[_Point(1)])


@pytest.mark.parametrize(("kind", "optional"), [(int | None, True), (int, False), (list[int], False)])
def test_only_where_none_is_allowed_a_value_may_be_missing(kind, optional):
    assert is_optional(kind) is optional


def test_what_no_column_can_hold_is_an_error():
    with pytest.raises(TypeError):
        arrow_type(dict[str, int])

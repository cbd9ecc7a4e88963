import pyarrow as pa
import pytest

from ray_mtlkd.setups.values import canonical, value_type


@pytest.mark.parametrize(
    ("shown", "values"),
    [
        (["3", "10"], "number"),
        (["3.0", "10.0"], "number"),
        (["1.1", "1.10"], "number"),
        (["0", "1"], "digit"),
        (["1.0"], "digit"),
        (["True", "False"], "boolean"),
        (["true"], "boolean"),
        (["3", "3.0"], "text"),
        (["True", "true"], "text"),
        (["007", "1"], "text"),
        (["1E2", "100"], "text"),
        (["0x10", "16"], "text"),
        (["1", "a"], "text"),
        ([], "text"),
    ],
)
def test_what_a_column_holds_is_what_all_its_values_look_like(shown, values):
    assert value_type(shown) == values


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("number", ["3", "3", "True", "1", "0", "007", None]),
        ("digit", ["3", "3", "1", "1", "0", "007", None]),
        ("boolean", ["3", "3.0", "true", "true", "false", "007", None]),
        ("text", ["3", "3.0", "True", "1", "-0.0", "007", None]),
    ],
)
def test_equal_values_have_equal_texts(values, expected):
    texts = pa.array(["3", "3.0", "True", "1", "-0.0", "007", None], pa.large_string())
    assert canonical(texts, values).to_pylist() == expected

import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd.setups.features.dense import dense_columns, dense_tokens, dense_vectors
from ray_mtlkd.setups.manifest import Columns

COLUMNS = Columns(numeric=("age",), categorical=("city",))


def tables(**splits):
    return {
        split: pa.table({"age": pa.array(age, pa.float64()), "city": pa.array(city, pa.large_string())})
        for split, (age, city) in splits.items()
    }


def test_numbers_are_standardised_on_train_and_nulls_are_the_mean():
    _, inputs = dense_columns(tables(train=([1.0, 3.0, None], ["a"] * 3), valid=([100.0, None], ["a"] * 2)), COLUMNS)
    assert inputs["train"].values.tolist() == [[-1.0], [1.0], [0.0]]
    assert inputs["valid"].values.tolist() == [[98.0], [0.0]]


@pytest.mark.parametrize("value", [5.0, 0.0, 0.1])
def test_a_constant_column_is_centred_alone(value):
    _, inputs = dense_columns(tables(train=([value] * 3, ["a"] * 3), valid=([value + 1], ["a"])), COLUMNS)
    np.testing.assert_allclose(inputs["train"].values, 0, atol=1e-6)
    np.testing.assert_allclose(inputs["valid"].values, 1, atol=1e-6)


def test_unseen_and_null_categories_are_code_0():
    layout, inputs = dense_columns(
        tables(train=([1.0, 2.0, 3.0], ["b", "a", None]), valid=([1.0, 1.0, 1.0], ["c", None, "b"])), COLUMNS
    )
    assert layout.cardinalities == (3,)
    assert inputs["train"].codes.tolist() == [[2], [1], [0]]
    assert inputs["valid"].codes.tolist() == [[0], [0], [2]]


def test_columns_are_the_same_only_where_codes_mean_the_same():
    first, _ = dense_columns(tables(train=([1.0, 2.0], ["a", "b"])), COLUMNS)
    second, _ = dense_columns(tables(train=([7.0, 9.0], ["b", "a"])), COLUMNS)
    other, _ = dense_columns(tables(train=([1.0, 2.0], ["a", "c"])), COLUMNS)
    assert first.columns == second.columns
    assert first.columns != other.columns


def test_arrays_are_contiguous_float32_and_int64():
    _, inputs = dense_columns(tables(train=([1.0, 2.0], ["a", "b"])), COLUMNS)
    for array, kind in ((inputs["train"].values, np.float32), (inputs["train"].codes, np.int64)):
        assert array.dtype == kind
        assert array.flags.c_contiguous


def test_vectors_stay_as_they_are():
    rows = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.large_list(pa.float32()))
    layout, inputs = dense_vectors({"train": pa.table({"v": rows})}, "v")
    assert inputs["train"].values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (layout.form, layout.width, layout.columns) == ("Dense", 2, ("v",))


@pytest.mark.parametrize("chunks", [1, 2])
def test_token_vectors_lie_end_to_end(chunks):
    rows = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
    kind = pa.large_list(pa.large_list(pa.float32()))
    whole = pa.chunked_array([rows], kind) if chunks == 1 else pa.chunked_array([rows[:1], rows[1:]], kind)
    layout, inputs = dense_tokens({"train": pa.table({"v": whole})}, "v")
    assert inputs["train"].values.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert inputs["train"].offsets.tolist() == [0, 2, 3]
    assert (layout.form, layout.width) == ("DenseTokens", 2)

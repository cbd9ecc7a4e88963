import numpy as np
import pyarrow as pa
import pytest

from ray_mtlkd.data.features import DenseFeatures
from ray_mtlkd.setups.features.dense import bin_edges, fit_columns, fit_token_vectors, fit_vectors
from ray_mtlkd.setups.manifest import Columns, InputSpec

COLUMNS = Columns(numeric=("age",), categorical=("city",))


def featurise(columns=COLUMNS, *, bins=4, rare=1, **splits):
    tables = {
        split: pa.table({"age": pa.array(age, pa.float64()), "city": pa.array(city, pa.large_string())})
        for split, (age, city) in splits.items()
    }
    fitted = fit_columns(tables["train"], InputSpec(data="d", columns=columns), DenseFeatures(bins=bins, rare=rare))
    return fitted.layout, {split: fitted.transform(table) for split, table in tables.items()}


def test_numbers_are_standardised_on_train_and_nulls_are_the_mean_and_marked():
    layout, inputs = featurise(train=([1.0, 3.0, None], ["a"] * 3), valid=([100.0, None], ["a"] * 2))
    assert inputs["train"].values.tolist() == [[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    assert inputs["valid"].values.tolist() == [[98.0, 0.0], [0.0, 1.0]]
    assert layout.width == 2
    assert layout.edges == ((-1.0, 1.0), (0.0, 1.0))
    assert layout.columns[:2] == ("age", "age:null")


def test_a_null_that_train_never_shows_is_the_mean_alone():
    layout, inputs = featurise(train=([1.0, 3.0], ["a"] * 2), valid=([None], ["a"]))
    assert inputs["valid"].values.tolist() == [[0.0]]
    assert layout.width == 1


@pytest.mark.parametrize("value", [5.0, 0.0, 0.1])
def test_a_constant_column_is_centred_alone(value):
    layout, inputs = featurise(train=([value] * 3, ["a"] * 3), valid=([value + 1], ["a"]))
    np.testing.assert_allclose(inputs["train"].values, 0, atol=1e-6)
    np.testing.assert_allclose(inputs["valid"].values, 1, atol=1e-6)
    assert layout.edges == ((0.0, 1.0),)


def test_without_bins_numbers_have_no_edges():
    layout, _ = featurise(bins=0, train=([1.0, 3.0, None], ["a"] * 3))
    assert layout.edges == ()
    assert layout.width == 2


def test_edges_know_train_alone_and_are_in_the_unit_of_the_values():
    layout, inputs = featurise(train=([0.0, 2.0, 4.0], ["a"] * 3), valid=([-50.0, 90.0], ["a"] * 2))
    assert layout.edges == (tuple(inputs["train"].values[:, 0].tolist()),)


def test_a_column_of_few_values_has_an_edge_at_each():
    assert bin_edges(np.array([3, 1, 1, 2, 7], np.float32), bins=4) == (1.0, 2.0, 3.0, 7.0)
    assert bin_edges(np.array([3, 1, 1, 2, 7], np.float32), bins=3) == (1.0, 2.0, 3.0, 7.0)


def test_bins_hold_about_equally_many_values():
    values = np.random.default_rng(0).lognormal(size=10_000).astype(np.float32)
    edges = bin_edges(values, bins=8)
    assert len(edges) == 9
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    counts, _ = np.histogram(values, np.array(edges, np.float32))
    assert counts.min() > 0.98 * 10_000 / 8
    assert counts.max() < 1.02 * 10_000 / 8


def test_a_value_that_most_rows_have_takes_one_edge_and_leaves_the_bins_to_the_others():
    values = np.concatenate([np.zeros(950), np.arange(1, 51)]).astype(np.float32)
    edges = bin_edges(values, bins=8)
    assert edges[:2] == (0.0, 1.0)
    assert len(edges) == 9
    assert edges[-1] == 50.0


@pytest.mark.parametrize("bins", [1, 2, 3, 8])
@pytest.mark.parametrize("shape", ["spread", "zeros", "halves", "three"])
def test_edges_ascend_from_least_to_most_and_are_never_too_many(bins, shape):
    draw = np.random.default_rng(1)
    values = {
        "spread": draw.normal(size=300),
        "zeros": np.maximum(draw.normal(size=300) - 1, 0),
        "halves": np.r_[np.zeros(140), np.ones(140), draw.normal(size=20)],
        "three": np.repeat([0.0, 1.0, 5.0], 100),
    }[shape].astype(np.float32)
    edges = bin_edges(values, bins=bins)
    assert 2 <= len(edges) <= bins + 1
    assert list(edges) == sorted(set(edges))
    assert (edges[0], edges[-1]) == (values.min(), values.max())


def test_unseen_and_null_categories_are_code_0():
    layout, inputs = featurise(train=([1.0, 2.0, 3.0], ["b", "a", None]), valid=([1.0, 1.0, 1.0], ["c", None, "b"]))
    assert layout.cardinalities == (3,)
    assert inputs["train"].codes.tolist() == [[2], [1], [0]]
    assert inputs["valid"].codes.tolist() == [[0], [0], [2]]


def test_rare_categories_of_train_are_code_0_in_every_split():
    cities = ["b", "b", "a", "c", "c", "c"]
    layout, inputs = featurise(rare=2, train=([1.0] * 6, cities), valid=([1.0] * 3, ["a", "a", "b"]))
    assert layout.cardinalities == (3,)
    assert inputs["train"].codes[:, 0].tolist() == [1, 1, 0, 2, 2, 2]
    assert inputs["valid"].codes[:, 0].tolist() == [0, 0, 1]


def test_a_column_of_rare_categories_alone_has_code_0_alone():
    layout, inputs = featurise(rare=2, train=([1.0] * 2, ["a", "b"]))
    assert layout.cardinalities == (1,)
    assert inputs["train"].codes.tolist() == [[0], [0]]


def test_columns_are_the_same_only_where_codes_mean_the_same():
    first, _ = featurise(train=([1.0, 2.0], ["a", "b"]))
    second, _ = featurise(train=([7.0, 9.0], ["b", "a"]))
    other, _ = featurise(train=([1.0, 2.0], ["a", "c"]))
    assert first.columns == second.columns
    assert first.columns != other.columns


def test_arrays_are_contiguous_float32_and_int64():
    _, inputs = featurise(train=([1.0, 2.0], ["a", "b"]))
    for array, kind in ((inputs["train"].values, np.float32), (inputs["train"].codes, np.int64)):
        assert array.dtype == kind
        assert array.flags.c_contiguous


def test_a_layout_with_edges_is_hashable():
    layout, _ = featurise(train=([1.0, 2.0], ["a", "b"]))
    again, _ = featurise(train=([1.0, 2.0], ["a", "b"]))
    assert hash(layout) == hash(again)


def test_vectors_stay_as_they_are():
    rows = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.large_list(pa.float32()))
    fitted = fit_vectors(pa.table({"v": rows}), InputSpec(data="d", vector="v"))
    layout = fitted.layout
    assert fitted.transform(pa.table({"v": rows})).values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (layout.form, layout.width, layout.columns, layout.edges) == ("Dense", 2, ("v",), ())


@pytest.mark.parametrize("chunks", [1, 2])
def test_token_vectors_lie_end_to_end(chunks):
    rows = [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0]]]
    kind = pa.large_list(pa.large_list(pa.float32()))
    whole = pa.chunked_array([rows], kind) if chunks == 1 else pa.chunked_array([rows[:1], rows[1:]], kind)
    fitted = fit_token_vectors(pa.table({"v": whole}), "v")
    inputs = fitted.transform(pa.table({"v": whole}))
    assert inputs.values.tolist() == [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert inputs.offsets.tolist() == [0, 2, 3]
    assert (fitted.layout.form, fitted.layout.width) == ("DenseTokens", 2)


def test_vectors_of_another_length_than_in_train_are_refused(refused):
    kind = pa.large_list(pa.float32())
    fitted = fit_vectors(pa.table({"v": pa.array([[1.0, 2.0]], kind)}), InputSpec(data="d", vector="v"))
    with refused():
        fitted.transform(pa.table({"v": pa.array([[1.0, 2.0, 3.0]], kind)}))

"""Numeric columns standardised and binned on train, categorical columns as codes, vectors as they are."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.setups.columns import spread
from ray_mtlkd.setups.manifest import Columns
from ray_mtlkd.tasks.examples import Split
from ray_mtlkd.tasks.inputs import Array, Dense, DenseFeatures, DenseTokens, Layout

_UNIT = (0.0, 1.0)
"""The bin of a column without two values: a piecewise linear encoding over it leaves every value as it is."""


def dense_columns(
    tables: Mapping[Split, pa.Table], columns: Columns, features: DenseFeatures
) -> tuple[Layout, dict[Split, Dense[Array]]]:
    """Numbers as ``(x - mean) / std`` of train, categories as codes.

    A null number is the mean, a constant column 0. Behind the numbers stands a column of 0 and 1 for every numeric
    column of which train has nulls: where it is null. Code 0 is a null or a category that train shows in fewer than
    ``features.rare`` rows; the others follow the categories' alphabet.
    """
    train = tables["train"]
    numbers = {name: _fit_number(train[name], features.bins) for name in columns.numeric}
    known = {name: _categories(train[name], features.rare) for name in columns.categorical}
    gaps = [name for name, number in numbers.items() if number.has_nulls]
    inputs = {}
    for split, table in tables.items():
        values = [number.standardise(table[name]) for name, number in numbers.items()]
        missing = [_whole(table[name]).is_null().to_numpy(zero_copy_only=False) for name in gaps]
        codes = [_codes(table[name], known[name]) for name in columns.categorical]
        inputs[split] = Dense(_stack([*values, *missing], table, np.float32), _stack(codes, table, np.int64))
    # A categorical column is the same in two tasks only where its codes mean the same categories.
    coded = [f"{name}:{_hash(known[name])}" for name in columns.categorical]
    layout = Layout(
        form="Dense",
        width=len(numbers) + len(gaps),
        cardinalities=tuple(len(known[name]) + 1 for name in columns.categorical),
        columns=(*columns.numeric, *(f"{name}:null" for name in gaps), *coded),
        edges=(*(number.edges for number in numbers.values()), *(_UNIT for _ in gaps)) if features.bins else (),
    )
    return layout, inputs


def dense_vectors(tables: Mapping[Split, pa.Table], column: str) -> tuple[Layout, dict[Split, Dense[Array]]]:
    """One vector a row, as it is: tasks of a setup may share its space, so none of them rescales it."""
    inputs = {}
    for split, table in tables.items():
        values = _flat(table[column]).reshape(table.num_rows, -1)
        inputs[split] = Dense[Array](values, np.zeros((table.num_rows, 0), np.int64))
    return Layout(form="Dense", width=inputs["train"].values.shape[1], columns=(column,)), inputs


def dense_tokens(tables: Mapping[Split, pa.Table], column: str) -> tuple[Layout, dict[Split, DenseTokens[Array]]]:
    """One vector a token, as it is."""
    inputs = {}
    for split, table in tables.items():
        whole = _whole(table[column])
        offsets = (whole.offsets.to_numpy() - whole.offsets[0].as_py()).astype(np.int64)
        inputs[split] = DenseTokens[Array](_flat(whole.flatten()).reshape(int(offsets[-1]), -1), offsets)
    return Layout(form="DenseTokens", width=inputs["train"].values.shape[1], columns=(column,)), inputs


def bin_edges(values: NDArray[np.float32], bins: int) -> tuple[float, ...]:
    """Ascending edges of at most ``bins`` bins of about equally many values, or of one value each.

    A value that would fill a bin by itself (the zeros of most money columns) gets an edge of its own, and the others
    share the rest: plain quantiles would leave a column that is 95 % zeros with 5 % of its bins.

    Args:
        values: Of train, without nulls [N].
        bins: At least 1.
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= bins + 1:
        edges = distinct
    else:
        is_heavy = counts * bins >= len(values)
        heavy = distinct[is_heavy]
        others = np.repeat(distinct[~is_heavy], counts[~is_heavy])
        # Heavy values are fewer than bins here, or nothing else would be left.
        cuts = np.quantile(others, np.linspace(0, 1, bins + 1 - len(heavy)), method="nearest")
        edges = np.unique(np.concatenate([heavy, cuts]))
    return tuple(edges.tolist()) if len(edges) > 1 else _UNIT


@dataclass(frozen=True)
class _Number:
    """What a numeric column of train says of its values; edges in standard deviations from the mean."""

    mean: float
    deviation: float
    has_nulls: bool
    edges: tuple[float, ...] = ()

    def standardise(self, column: pa.ChunkedArray) -> NDArray[np.float32]:
        values: NDArray[np.float64] = column.fill_null(self.mean).to_numpy()
        return ((values - self.mean) / self.deviation).astype(np.float32)


def _fit_number(column: pa.ChunkedArray, bins: int) -> _Number:
    present = column.drop_null()
    values = present.to_numpy()
    number = _Number(float(values.mean()), spread(values) or 1.0, column.null_count > 0)
    if not bins:
        return number
    return _Number(number.mean, number.deviation, number.has_nulls, bin_edges(number.standardise(present), bins))


def _hash(categories: pa.Array) -> str:
    return hashlib.blake2b(repr(categories.to_pylist()).encode(), digest_size=8).hexdigest()


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _flat(vectors: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    flat: NDArray[np.float32] = _whole(vectors).flatten().to_numpy(zero_copy_only=False)
    return np.array(flat, np.float32)


def _categories(column: pa.ChunkedArray, rare: int) -> pa.Array:
    """The categories of at least ``rare`` rows, in alphabetical order."""
    counted = pc.value_counts(_whole(column).drop_null())
    often = counted.field("values").filter(pc.greater_equal(counted.field("counts"), rare))
    return often.take(pc.sort_indices(often))


def _codes(column: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    found = pc.index_in(_whole(column), value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
    codes: NDArray[np.int64] = found.astype(np.int64) + 1
    return codes


def _stack(columns: Sequence[NDArray[np.generic]], table: pa.Table, kind: type[np.generic]) -> Array:
    stacked: Array = np.zeros((table.num_rows, len(columns)), kind)
    for at, column in enumerate(columns):
        stacked[:, at] = column
    return stacked

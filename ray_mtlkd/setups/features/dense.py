"""Numeric columns standardised on train, categorical columns as codes, vectors as they are."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.setups.columns import spread
from ray_mtlkd.setups.manifest import Columns
from ray_mtlkd.tasks.examples import Split
from ray_mtlkd.tasks.inputs import Array, Dense, DenseTokens, Layout


def dense_columns(tables: Mapping[Split, pa.Table], columns: Columns) -> tuple[Layout, dict[Split, Dense[Array]]]:
    """Numbers as ``(x - mean) / std`` of train (a null is the mean, a constant column 0), categories as codes.

    Code 0 is a null or a category that train does not show; the others follow the categories' alphabet.
    """
    known = {name: _categories(tables["train"][name]) for name in columns.categorical}
    scales = {name: _scale(tables["train"][name]) for name in columns.numeric}
    inputs = {
        split: Dense(
            _stack([_standardise(table[name], *scales[name]) for name in columns.numeric], table, np.float32),
            _stack([_codes(table[name], known[name]) for name in columns.categorical], table, np.int64),
        )
        for split, table in tables.items()
    }
    return _layout(columns, known), inputs


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


def _layout(columns: Columns, known: Mapping[str, pa.Array]) -> Layout:
    # A categorical column is the same in two tasks only where its codes mean the same categories.
    coded = [f"{name}:{_hash(known[name])}" for name in columns.categorical]
    return Layout(
        form="Dense",
        width=len(columns.numeric),
        cardinalities=tuple(len(known[name]) + 1 for name in columns.categorical),
        columns=(*columns.numeric, *coded),
    )


def _hash(categories: pa.Array) -> str:
    return hashlib.blake2b(repr(categories.to_pylist()).encode(), digest_size=8).hexdigest()


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return pa.concat_arrays(column.chunks) if isinstance(column, pa.ChunkedArray) else column


def _flat(vectors: pa.ChunkedArray | pa.Array) -> NDArray[np.float32]:
    flat: NDArray[np.float32] = _whole(vectors).flatten().to_numpy(zero_copy_only=False)
    return np.array(flat, np.float32)


def _scale(column: pa.ChunkedArray) -> tuple[float, float]:
    values = column.drop_null().to_numpy()
    return float(values.mean()), spread(values) or 1.0


def _standardise(column: pa.ChunkedArray, mean: float, deviation: float) -> NDArray[np.float64]:
    values: NDArray[np.float64] = column.fill_null(mean).to_numpy()
    return (values - mean) / deviation


def _categories(column: pa.ChunkedArray) -> pa.Array:
    unique = pc.unique(_whole(column)).drop_null()
    return unique.take(pc.sort_indices(unique))


def _codes(column: pa.ChunkedArray, known: pa.Array) -> NDArray[np.int64]:
    found = pc.index_in(_whole(column), value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
    codes: NDArray[np.int64] = found.astype(np.int64) + 1
    return codes


def _stack(columns: list[NDArray[np.generic]], table: pa.Table, kind: type[np.generic]) -> Array:
    stacked: Array = np.zeros((table.num_rows, len(columns)), kind)
    for at, column in enumerate(columns):
        stacked[:, at] = column
    return stacked

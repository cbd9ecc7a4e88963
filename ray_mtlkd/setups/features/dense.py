"""Numeric columns standardised and binned on train, categorical columns as codes, vectors as they are."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.features import DenseFeatures, Layout
from ray_mtlkd.data.inputs import Array, Dense, DenseTokens
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.csv_format import NumberMarks
from ray_mtlkd.setups.features.words import ends
from ray_mtlkd.setups.manifest import InputSpec
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.unseen import Unseen, find_unseen
from ray_mtlkd.setups.values import ValueType, value_type
from ray_mtlkd.tasks.spread import spread

_UNIT = (0.0, 1.0)
"""The bin of a column without two values: a piecewise linear encoding over it leaves every value as it is."""


@dataclass(frozen=True)
class Number:
    """What a numeric column of train says of its values; edges in standard deviations from the mean.

    Attributes:
        missing: Cells that mean null.
        marks: What stands in those that are texts.
    """

    column: str
    mean: float
    deviation: float
    has_nulls: bool
    missing: tuple[str, ...]
    marks: NumberMarks
    edges: tuple[float, ...] = ()

    def standardise(self, column: pa.ChunkedArray) -> NDArray[np.float32]:
        """``(x - mean) / deviation`` of train; a null is the mean."""
        values: NDArray[np.float64] = column.fill_null(self.mean).to_numpy()
        return ((values - self.mean) / self.deviation).astype(np.float32)


@dataclass(frozen=True)
class Category:
    """The categories of a column.

    Attributes:
        known: Those that have a code of their own, in alphabetical order.
        rare: Others that train shows, likewise.
        values: What all of them are.
        missing: Cells that mean null.
    """

    column: str
    known: tuple[str, ...]
    rare: tuple[str, ...]
    values: ValueType
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """A categorical column is the same in two tasks only where its codes mean the same categories."""
        return f"{self.column}:{hashlib.blake2b(repr(list(self.known)).encode(), digest_size=8).hexdigest()}"

    def code(self, column: pa.ChunkedArray) -> NDArray[np.int64]:
        """The categories' places, counted from 1; 0 is a null or any other category."""
        known = pa.array(self.known, pa.large_string())
        found = pc.index_in(whole(column), value_set=known).fill_null(-1).to_numpy(zero_copy_only=False)
        codes: NDArray[np.int64] = found.astype(np.int64) + 1
        return codes


@dataclass(frozen=True)
class ColumnFeatures:
    """A fitted featuriser of numeric and categorical columns.

    Behind the numbers stands a column of 0 and 1 for every numeric column of which train has nulls: where it is null.
    """

    numbers: tuple[Number, ...]
    categories: tuple[Category, ...]

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        numbers = {
            number.column: ColumnRule(sort="number", missing=number.missing, marks=number.marks)
            for number in self.numbers
        }
        return numbers | {
            category.column: ColumnRule(sort="category", missing=category.missing, values=category.values)
            for category in self.categories
        }

    @property
    def example(self) -> Mapping[str, object]:
        """Means of train, and the first category of each column."""
        means = {number.column: number.mean for number in self.numbers}
        return means | {category.column: next(iter(category.known), None) for category in self.categories}

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""
        gaps = self._gaps
        edges = (*(number.edges for number in self.numbers), *(_UNIT for _ in gaps))
        names = (*(number.column for number in self.numbers), *(f"{gap}:null" for gap in gaps))
        return Layout(
            form="Dense",
            width=len(names),
            cardinalities=tuple(len(category.known) + 1 for category in self.categories),
            columns=(*names, *(category.name for category in self.categories)),
            edges=edges if all(edges) else (),
        )

    @property
    def _gaps(self) -> list[str]:
        return [number.column for number in self.numbers if number.has_nulls]

    def unseen(self, columns: pa.Table) -> Mapping[str, Unseen]:
        """Categories that train never shows, by column."""
        found = {}
        for category in self.categories:
            shown = pa.array([*category.known, *category.rare], pa.large_string())
            found[category.column] = find_unseen(whole(columns[category.column]), shown)
        return {column: unseen for column, unseen in found.items() if unseen is not None}

    def transform(self, columns: pa.Table) -> Dense[Array]:
        """Checked columns as inputs; a row depends on nothing but itself."""
        values = [number.standardise(columns[number.column]) for number in self.numbers]
        missing = [whole(columns[gap]).is_null().to_numpy(zero_copy_only=False) for gap in self._gaps]
        codes = [category.code(columns[category.column]) for category in self.categories]
        return Dense(_stack([*values, *missing], columns, np.float32), _stack(codes, columns, np.int64))


@dataclass(frozen=True)
class VectorFeatures:
    """One vector a row, as it is: tasks of a setup may share its space, so none of them rescales it.

    Attributes:
        separator: What stands between numbers, where a text holds them.
    """

    column: str
    width: int
    separator: str | None

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return {self.column: ColumnRule(sort="vector", separator=self.separator)}

    @property
    def example(self) -> Mapping[str, object]:
        """Zeros."""
        return {self.column: [0.0] * self.width}

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""
        return Layout(form="Dense", width=self.width, columns=(self.column,))

    def unseen(self, _columns: pa.Table) -> Mapping[str, Unseen]:
        """Nothing: vectors have no categories."""
        return {}

    def transform(self, columns: pa.Table) -> Dense[Array]:
        """Checked columns as inputs.

        Raises:
            MtlkdError: where the vectors have another length than in train.
        """
        values = _vectors(whole(columns[self.column]), self.width, where=self.column)
        return Dense(values, np.zeros((columns.num_rows, 0), np.int64))


@dataclass(frozen=True)
class TokenVectorFeatures:
    """One vector a token, as it is."""

    column: str
    width: int

    @property
    def rules(self) -> Mapping[str, ColumnRule]:
        """How each column is read."""
        return {self.column: ColumnRule(sort="token_vectors")}

    @property
    def example(self) -> Mapping[str, object]:
        """One token of zeros."""
        return {self.column: [[0.0] * self.width]}

    @property
    def layout(self) -> Layout:
        """The shape of the inputs."""
        return Layout(form="DenseTokens", width=self.width, columns=(self.column,))

    def unseen(self, _columns: pa.Table) -> Mapping[str, Unseen]:
        """Nothing: vectors have no categories."""
        return {}

    def transform(self, columns: pa.Table) -> DenseTokens[Array]:
        """Checked columns as inputs.

        Raises:
            MtlkdError: where the vectors have another length than in train.
        """
        rows = whole(columns[self.column])
        values = _vectors(rows.flatten(), self.width, where=self.column)
        return DenseTokens(values, ends(pc.list_value_length(rows).to_numpy()))


def fit_columns(train: pa.Table, spec: InputSpec, features: DenseFeatures) -> ColumnFeatures:
    """The featuriser of a task whose train table has the columns of its inputs.

    A category needs ``features.rare`` rows of train for a code of its own.

    Raises:
        ValueError: where the task reads no such columns.
    """
    if spec.columns is None:
        raise ValueError("no columns")
    numbers = tuple(_fit_number(name, train[name], spec, features.bins) for name in spec.columns.numeric)
    return ColumnFeatures(
        numbers, tuple(_fit_category(name, train[name], spec, features.rare) for name in spec.columns.categorical)
    )


def fit_vectors(train: pa.Table, spec: InputSpec) -> VectorFeatures:
    """The featuriser of a task whose train table has a vector a row.

    Raises:
        ValueError: where the task reads none.
    """
    if spec.vector is None:
        raise ValueError("no vector")
    return VectorFeatures(spec.vector, _width(whole(train[spec.vector])), spec.separator_of(spec.vector))


def fit_token_vectors(train: pa.Table, column: str) -> TokenVectorFeatures:
    """The featuriser of a task whose train table has a vector a token."""
    return TokenVectorFeatures(column, _width(whole(train[column]).flatten()))


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


def _fit_number(name: str, column: pa.ChunkedArray, spec: InputSpec, bins: int) -> Number:
    present = column.drop_null()
    values = present.to_numpy()
    number = Number(
        column=name,
        mean=float(values.mean()),
        deviation=spread(values) or 1.0,
        has_nulls=column.null_count > 0,
        missing=spec.markers(name),
        marks=spec.csv.marks,
    )
    return replace(number, edges=bin_edges(number.standardise(present), bins)) if bins else number


def _fit_category(name: str, column: pa.ChunkedArray, spec: InputSpec, rare: int) -> Category:
    counted = pc.value_counts(whole(column).drop_null())
    is_known = pc.greater_equal(counted.field("counts"), rare)
    known, others = (
        tuple(shown.take(pc.sort_indices(shown)).to_pylist())
        for shown in (counted.field("values").filter(kept) for kept in (is_known, pc.invert(is_known)))
    )
    return Category(name, known, others, value_type([*known, *others]), spec.markers(name))


def _width(vectors: pa.Array) -> int:
    return int(pc.list_value_length(vectors)[0].as_py())


def _vectors(vectors: pa.Array, width: int, *, where: str) -> NDArray[np.float32]:
    if len(vectors) and _width(vectors) != width:
        fix = "give the vectors that the train table has"
        raise MtlkdError(f"vectors of {_width(vectors)} numbers, not {width}", where=where, fix=fix)
    flat: NDArray[np.float32] = vectors.flatten().to_numpy(zero_copy_only=False)
    return np.array(flat, np.float32).reshape(len(vectors), width)


def _stack(columns: Sequence[NDArray[np.generic]], table: pa.Table, kind: type[np.generic]) -> Array:
    stacked: Array = np.zeros((table.num_rows, len(columns)), kind)
    for at, column in enumerate(columns):
        stacked[:, at] = column
    return stacked

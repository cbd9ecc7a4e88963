"""Label columns: what they hold, and the same texts for the same classes in all splits."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.examples import Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import Rows, nulls, numbers, said_rows, value_texts
from ray_mtlkd.setups.columns import explode, rows_with
from ray_mtlkd.setups.indicators import read_indicators, refuse_indicators
from ray_mtlkd.setups.lists import split_cells
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.values import (
    ValueType,
    by_value,
    canonical,
    is_fraction,
    said_markers,
    value_type,
    without_markers,
)
from ray_mtlkd.tasks.kinds import kind_named

_WHOLE = re.compile("-?(?:0|[1-9][0-9]*)")
_NUMERIC: frozenset[ValueType] = frozenset({"number", "digit"})


@dataclass(frozen=True)
class RawLabels:
    """One split's label column.

    Attributes:
        values: float64 (numbers) or large_string (classes: the text of each value); lists end to end; null where
            missing.
        offsets: [N+1] where a row's label is a list, else None.
        missing: [N] rows without a (whole) label.
        where: ``file:column``.
        markers: How often each marker stood there for a missing label.
        type: What all labels are, where they are classes: see `alike`.
    """

    values: pa.Array
    offsets: NDArray[np.int64] | None
    missing: Rows
    where: str
    markers: Mapping[str, int] = field(default_factory=Counter)
    type: ValueType = "text"

    @property
    def present(self) -> pa.Array:
        """The values of the rows that have a label."""
        return self.values.filter(pa.array(~self.left_out))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many values each row has [N]."""
        return np.ones(len(self.missing), np.int64) if self.offsets is None else np.diff(self.offsets)

    @property
    def left_out(self) -> Rows:
        """The values [values] of rows that have no (whole) label."""
        return np.repeat(self.missing, self.lengths)

    def rows(self, bad: Rows) -> Rows:
        """The rows [N] that marked values lie in."""
        return bad if self.offsets is None else rows_with(bad, self.offsets)


def read_labels(column: pa.Array, spec: TaskSpec, *, where: str) -> RawLabels:
    """A label column as numbers, or as the texts of classes.

    Args:
        column: In one piece and in a plain type.
        spec: Of the task.
        where: Names the column.

    Raises:
        MtlkdError: where the type does not fit the kind, or labels are missing and the task does not skip them.
    """
    form = kind_named(spec.kind).labels
    if form in {"classes", "tags"}:
        missing = tuple(marker for marker in spec.markers(spec.label) if marker not in spec.class_names)
        column = split_cells(column, spec.separator_of(spec.label), where=where, missing=missing)
    if form == "number":
        read = numbers(column, where=where, missing=spec.markers(spec.label), words=False, marks=spec.csv.marks)
        _refuse_below(kind_named(spec.kind).least_number, read.column, where=where)
        labels = RawLabels(read.column, None, nulls(read.column), where, read.missing)
    elif form == "class" or pa.types.is_null(column.type):
        texts = value_texts(column, where=where, accepted="label numbers or names")
        markers = set(spec.markers(spec.label)) - set(spec.class_names)
        found, counts = without_markers(texts, markers)
        labels = RawLabels(found, None, nulls(found), where, counts)
    elif spec.format == "indicator":
        labels = RawLabels(*read_indicators(column, where=where), where)
    else:
        labels = _listed(column, where=where)
        if form == "classes":
            refuse_indicators(labels.present, labels.lengths[~labels.missing], where=where)
    if spec.missing_labels == "error" and labels.missing.any():
        said = f" ({said_markers(labels.markers)})" if labels.markers else ""
        raise MtlkdError(
            f"{said_rows(labels.missing)} have no label{said}",
            where=where,
            fix="drop these rows, or set missing_labels: skip to leave them out of this task",
        )
    return labels


def alike(labels: Mapping[Split, RawLabels], spec: TaskSpec) -> dict[Split, RawLabels]:
    """The labels of all splits as texts that are equal where the classes are; numbers as they are.

    Raises:
        MtlkdError: where a task whose labels are numbers has one that is no whole number.
    """
    if kind_named(spec.kind).classes is None:
        return dict(labels)
    of = _type(labels, spec)
    found = {}
    for split, raw in labels.items():
        texts = canonical(raw.values, of)
        if of in _NUMERIC and not spec.class_names:
            _refuse_fractions(replace(raw, values=texts))
        found[split] = replace(raw, values=by_value(texts, as_digit) if of == "boolean" else texts, type=of)
    return found


def answers(labels: RawLabels, classes: Sequence[str], spec: TaskSpec) -> Literal["names", "numbers", "booleans"]:
    """What predictions of these classes are, given the labels of train as `alike` has them."""
    if spec.class_names or not all(map(is_whole, classes)):
        return "names"
    if labels.type == "boolean":
        return "booleans"
    return "numbers" if all(abs(int(name)) < 2**63 for name in classes) else "names"  # what int64 holds


def _type(labels: Mapping[Split, RawLabels], spec: TaskSpec) -> ValueType:
    """What all labels of a task are: as its class names are, else as those of train."""
    if spec.class_names and spec.format == "names":
        return value_type(spec.class_names)
    found = value_type(pc.unique(labels["train"].present).to_pylist())
    return "number" if found == "text" and spec.format != "names" else found


def _listed(column: pa.Array, *, where: str) -> RawLabels:
    accepted = "lists of label numbers or names"
    lists = explode(column, where=where, accepted=accepted)
    texts = value_texts(lists.values, where=where, accepted=accepted)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts)
    return RawLabels(texts, lists.offsets, lists.missing | rows_with(nulls(texts), lists.offsets), where)


def is_whole(name: str) -> bool:
    """Whether a text is a whole number as this package writes it."""
    return _WHOLE.fullmatch(name) is not None


def as_digit(text: str) -> str:
    """What a column of booleans says, as classes are called by default."""
    return {"true": "1", "false": "0"}.get(text, text)


def _refuse_fractions(labels: RawLabels) -> None:
    fractions = nulls(by_value(labels.values, lambda text: None if is_fraction(text) else text))
    bad = labels.rows(fractions & ~nulls(labels.values))
    if bad.any():
        fix = "label classes with whole numbers or names, or list them in `classes`"
        raise MtlkdError(f"{said_rows(bad)} are no whole numbers", where=labels.where, fix=fix)


def _refuse_below(least: float | None, given: pa.Array, *, where: str) -> None:
    """Raise where numbers are below the smallest that the kind allows."""
    below: Rows = np.zeros(len(given), bool) if least is None else given.to_numpy(zero_copy_only=False) < least
    if below.any():
        raise MtlkdError(f"{said_rows(below)} are below {least:g}", where=where, fix=f"label with {least:g} or more")

"""Label columns, checked and coded: what a class is called, which the train table shows, and which numbers they get."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.columns import (
    Rows,
    explode,
    is_string,
    nulls,
    refuse_infinite,
    rows_with,
    said_rows,
    strings,
    wrong_type,
)
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.tasks.kinds import kind_named
from ray_mtlkd.tasks.kinds.base import ClassRule

LARGEST = 2.0**53
"""Beyond it, floats skip whole numbers."""
SHOWN_NAMES = 5
"""Class names that a message lists."""


@dataclass(frozen=True)
class RawLabels:
    """One split's label column.

    Attributes:
        values: float64 (numbers), int64 or large_string (classes); lists end to end; null where missing.
        offsets: [N+1] where a row's label is a list, else None.
        missing: [N] rows without a (whole) label.
        where: ``file:column``.
    """

    values: pa.Array
    offsets: NDArray[np.int64] | None
    missing: Rows
    where: str

    def rows(self, bad: Rows) -> Rows:
        """The rows [N] that marked values lie in."""
        return bad if self.offsets is None else rows_with(bad, self.offsets)


@dataclass(frozen=True)
class Vocabulary:
    """Class names of a task: those that train shows first, in the order of the label numbers.

    Attributes:
        names: All names that any split may show.
        seen: [K] places in ``names`` that train shows, ascending.
    """

    names: tuple[str, ...]
    seen: NDArray[np.int64]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names that train shows, in code order."""
        return tuple(self.names[at] for at in self.seen)

    def codes(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Codes of places in ``names``; -1 where train does not show them."""
        table = np.full(len(self.names), -1, np.int64)
        table[self.seen] = np.arange(len(self.seen))
        return table[places]


def read_labels(column: pa.Array, spec: TaskSpec, *, where: str) -> RawLabels:
    """A label column as numbers or names.

    Raises:
        MtlkdError: where the type does not fit the kind, or labels are missing and the task does not skip them.
    """
    form = kind_named(spec.kind).labels
    if form in {"classes", "tags"} and not pa.types.is_null(column.type):
        lists = explode(column, where=where, accepted="lists of label numbers or names")
        values = _class_values(lists.values, where=where)
        missing = lists.missing | rows_with(nulls(values), lists.offsets)
        labels = RawLabels(values, lists.offsets, missing, where)
    else:
        read = _numbers if form == "number" else _class_values
        values = read(column, where=where)
        _refuse_below(kind_named(spec.kind).least_number, values, where=where)
        labels = RawLabels(values, None, nulls(values), where)
    if spec.missing_labels == "error" and labels.missing.any():
        raise MtlkdError(
            f"{said_rows(labels.missing)} have no label",
            where=where,
            fix="drop these rows, or set missing_labels: skip to leave them out of this task",
        )
    return labels


def vocabulary(
    labels: Mapping[Split, RawLabels], places: Mapping[Split, NDArray[np.int64]], spec: TaskSpec
) -> Vocabulary:
    """The class names of a task, from its label places (see ``find_places``)."""
    shown = places["train"][~nulls(labels["train"].values)]
    return Vocabulary(all_names(labels, spec), np.unique(shown))


def all_names(labels: Mapping[Split, RawLabels], spec: TaskSpec) -> tuple[str, ...]:
    """Every class name of the manifest or, without one, of the tables, in the order of the label numbers."""
    if isinstance(spec.classes, tuple):
        return spec.classes
    unique = pc.unique(pa.concat_arrays([labels[split].values.drop_null() for split in SPLITS]))
    named = is_string(unique.type)
    if not named and isinstance(spec.classes, int):
        return tuple(str(number) for number in range(spec.classes))
    rule = kind_named(spec.kind).classes
    if not named and rule is not None and rule.usual:
        return rule.usual
    return tuple(str(value) for value in sorted(unique.to_pylist()))


def find_places(labels: RawLabels, names: tuple[str, ...], spec: TaskSpec) -> NDArray[np.int64]:
    """Where each label stands in ``names``, [values] int64; 0 where it is missing.

    Raises:
        MtlkdError: where labels stand nowhere: an unknown name, or a number out of range.
    """
    gaps = nulls(labels.values)
    if is_string(labels.values.type) or spec.classes is None:
        found = pc.index_in(labels.values.cast(pa.large_string()), value_set=pa.array(names, pa.large_string()))
        places: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    else:
        places = labels.values.fill_null(0).to_numpy(zero_copy_only=False).copy()
        places[places >= len(names)] = -1
    if not is_string(labels.values.type):
        places[labels.values.fill_null(0).to_numpy(zero_copy_only=False) < 0] = -1
    outside = (places < 0) & ~gaps
    if outside.any():
        raise _out_of_range(labels, outside, names, spec)
    places[gaps] = 0
    return places


def class_problems(names: tuple[str, ...], known: Vocabulary, spec: TaskSpec, *, where: str) -> Iterable[MtlkdError]:
    """What makes a task's classes unlearnable."""
    rule = kind_named(spec.kind).classes or ClassRule()
    roles = ", ".join(rule.roles)
    if isinstance(spec.classes, int) and len(names) > spec.classes:
        fix = "correct `classes` or the labels"
        yield MtlkdError(f"{len(names)} different labels, but {spec.classes} classes", where=where, fix=fix)
    if rule.roles and len(names) != len(rule.roles):
        fix = f"label with {' and '.join(rule.usual)}, or give classes: [{roles}]"
        yield MtlkdError(f"{len(names)} different labels in a {spec.kind} task", where=where, fix=fix)
    elif len(known.seen) < rule.least:
        said = ", ".join(known.classes) or "none"
        fix = f"give rows of {rule.least} or more classes"
        yield MtlkdError(f"too few classes to learn (train shows only: {said})", where=where, fix=fix)
    if rule.usual and spec.classes is None and set(names) - set(rule.usual):
        fix = f"say which is {rule.roles[-1]}: classes: [{roles}]"
        yield MtlkdError(f"the labels are called {' and '.join(names)}", where=where, fix=fix)
    problem = None if rule.check is None else rule.check(names)
    if problem is not None:
        what, fix = problem
        yield MtlkdError(what, where=where, fix=fix)


def unseen_warning(
    task: str, places: Mapping[Split, NDArray[np.int64]], labels: Mapping[Split, RawLabels], known: Vocabulary
) -> str | None:
    """What a reader should know of labels that only valid or test have; None where train shows them all."""
    counts = {}
    shown: set[int] = set()
    for split in ("valid", "test"):
        raw = labels[split]
        new = (known.codes(places[split]) < 0) & ~nulls(raw.values)
        counts[split] = int((raw.rows(new) & ~raw.missing).sum())
        shown |= set(places[split][new].tolist())
    if not any(counts.values()):
        return None
    names = sorted(known.names[at] for at in shown)
    more = f" and {len(names) - SHOWN_NAMES} more" if len(names) > SHOWN_NAMES else ""
    said = ", ".join(f"{count} in {split}" for split, count in counts.items())
    rows = "1 row has" if sum(counts.values()) == 1 else f"{sum(counts.values())} rows have"
    return (
        f"tasks.{task}: {rows} a label that train never shows ({said}): they count as misses "
        f"({', '.join(names[:SHOWN_NAMES])}{more})"
    )


def multi_hot(places: NDArray[np.int64], offsets: NDArray[np.int64], known: Vocabulary) -> NDArray[np.float32]:
    """Labels as columns of 0 and 1, [N, K']: those that train shows, then those that only this split shows."""
    extra = np.setdiff1d(places, known.seen)
    column = np.full(len(known.names), -1, np.int64)
    column[np.concatenate([known.seen, extra])] = np.arange(len(known.seen) + len(extra))
    hot = np.zeros((len(offsets) - 1, len(known.seen) + len(extra)), np.float32)
    hot[np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), column[places]] = 1.0
    return hot


def _class_values(column: pa.Array, *, where: str) -> pa.Array:
    """Class labels as int64 or large_string; an empty name counts as missing."""
    if pa.types.is_boolean(column.type):
        return column.cast(pa.int64())
    if pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise MtlkdError(
                "a label is beyond 64-bit integers", where=where, fix="label with 0, 1, 2, … or names"
            ) from error
    if pa.types.is_floating(column.type):
        return _whole_numbers(column, where=where)
    values = strings(column, where=where, accepted="label numbers or names")
    return pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)


def _whole_numbers(column: pa.Array, *, where: str) -> pa.Array:
    """Whole numbers that a writer turned into floats because some are missing."""
    values: NDArray[np.float64] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    missing = np.isnan(values)
    whole = missing | ((np.abs(values) < LARGEST) & (values == np.floor(values)))
    if not whole.all():
        raise MtlkdError(
            f"{said_rows(~whole)} are no whole numbers", where=where, fix="label classes with whole numbers or names"
        )
    return pa.array(np.where(missing, 0, values).astype(np.int64), mask=missing)


def _numbers(column: pa.Array, *, where: str) -> pa.Array:
    kind = column.type
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(test(kind) for test in numeric):
        raise wrong_type(kind, "numbers", where=where)
    values: NDArray[np.float64] = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    refuse_infinite(values, where=where)
    return pa.array(values, mask=np.isnan(values))


def _refuse_below(least: float | None, values: pa.Array, *, where: str) -> None:
    """Raise where numbers are below the smallest that the kind allows."""
    below: Rows = np.zeros(len(values), bool) if least is None else values.to_numpy(zero_copy_only=False) < least
    if below.any():
        raise MtlkdError(f"{said_rows(below)} are below {least:g}", where=where, fix=f"label with {least:g} or more")


def _out_of_range(labels: RawLabels, outside: Rows, names: tuple[str, ...], spec: TaskSpec) -> MtlkdError:
    first: Any = labels.values[int(np.flatnonzero(outside)[0])].as_py()
    if is_string(labels.values.type):
        accepted = ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")
        what, fix = "label that is not in `classes`", f"correct the labels or `classes` ({accepted})"
    else:
        rule = kind_named(spec.kind).classes
        is_closed = spec.classes is not None or (rule is not None and rule.usual)
        top = f"..{len(names) - 1}" if is_closed else " or more"
        what, fix = "label out of range", f"label with 0{top}, or correct `classes`"
    return MtlkdError(f"{said_rows(labels.rows(outside))} have a {what}, first {first!r}", where=labels.where, fix=fix)

"""Label columns, checked and coded: what a class is called, which the train table shows, and which numbers they get."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.columns import Rows, explode, nulls, numbers, rows_with, said_rows, value_texts
from ray_mtlkd.setups.indicators import read_indicators, refuse_indicators
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.values import (
    ValueType,
    by_value,
    canonical,
    canonical_names,
    is_fraction,
    said_markers,
    value_type,
    without_markers,
)
from ray_mtlkd.tasks.kinds import kind_named
from ray_mtlkd.tasks.kinds.base import ClassRule

SHOWN_NAMES = 5
"""Class names that a message lists."""

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
    """A label column as numbers, or as the texts of classes.

    Args:
        column: In one piece and in a plain type.
        spec: Of the task.
        where: Names the column.

    Raises:
        MtlkdError: where the type does not fit the kind, or labels are missing and the task does not skip them.
    """
    form = kind_named(spec.kind).labels
    if form == "number":
        read = numbers(column, where=where, missing=spec.markers(spec.label), words=False)
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
        found[split] = replace(raw, values=by_value(texts, _as_digit) if of == "boolean" else texts, type=of)
    return found


def answers(labels: RawLabels, classes: Sequence[str], spec: TaskSpec) -> Literal["names", "numbers", "booleans"]:
    """What predictions of these classes are, given the labels of train as `alike` has them."""
    if spec.class_names or not all(map(_is_whole, classes)):
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


def vocabulary(
    labels: Mapping[Split, RawLabels], places: Mapping[Split, NDArray[np.int64]], spec: TaskSpec
) -> Vocabulary:
    """The class names of a task, from its label places (see ``find_places``)."""
    raw = labels["train"]
    shown = places["train"][~nulls(raw.values) & ~raw.left_out]
    return Vocabulary(all_names(labels, spec), np.unique(shown))


def all_names(labels: Mapping[Split, RawLabels], spec: TaskSpec) -> tuple[str, ...]:
    """Every class name of the manifest or, without one, of the rows that have a label, in the order of their codes.

    Whole numbers are in numerical order, before names, which are in alphabetical order.
    """
    if spec.class_names:
        return spec.class_names
    found = pc.unique(pa.concat_arrays([labels[split].present for split in SPLITS])).to_pylist()
    if isinstance(spec.classes, int) and all(map(_is_whole, found)):
        return tuple(str(number) for number in range(spec.classes))
    rule = kind_named(spec.kind).classes
    if rule is not None and rule.usual and all(map(_is_whole, found)):
        return rule.usual
    return tuple(sorted(found, key=lambda name: (0, int(name), name) if _is_whole(name) else (1, 0, name)))


def find_places(labels: RawLabels, names: tuple[str, ...], spec: TaskSpec) -> NDArray[np.int64]:
    """Where each label stands in ``names``, [values] int64; 0 where it is missing.

    Raises:
        MtlkdError: where labels stand nowhere: an unknown name, or a number out of range.
    """
    gaps = nulls(labels.values) | labels.left_out
    known = names
    if spec.format != "names":
        known = tuple(str(place) for place in range(len(names)))
    elif spec.class_names:
        known = _as_labels(names)
    found = pc.index_in(labels.values, value_set=pa.array(known, pa.large_string()))
    places: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    if spec.classes is None and all(map(_is_whole, names)):
        negative = pc.match_substring_regex(labels.values, "^-[0-9]+$").fill_null(False)  # noqa: FBT003 - Arrow's
        places[negative.to_numpy(zero_copy_only=False)] = -1
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
        new = (known.codes(places[split]) < 0) & ~nulls(raw.values) & ~raw.left_out
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


def _is_whole(name: str) -> bool:
    return _WHOLE.fullmatch(name) is not None


def _as_digit(text: str) -> str:
    """What a column of booleans says, as classes are called by default."""
    return {"true": "1", "false": "0"}.get(text, text)


def _as_labels(names: tuple[str, ...]) -> tuple[str, ...]:
    """Class names as `alike` writes the labels that are called so."""
    of = value_type(names)
    found = canonical_names(names, of)
    return tuple(map(_as_digit, found)) if of == "boolean" else found


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


def _out_of_range(labels: RawLabels, outside: Rows, names: tuple[str, ...], spec: TaskSpec) -> MtlkdError:
    first = labels.values[int(np.flatnonzero(outside)[0])].as_py()
    accepted = ", ".join(names[:SHOWN_NAMES]) + (", …" if len(names) > SHOWN_NAMES else "")
    rule = kind_named(spec.kind).classes
    if first == "-1":
        what = "label -1, which often marks a missing label"
        fix = "set na_values: ['-1'] and missing_labels: skip to leave them out, or list the classes in `classes`"
    elif spec.class_names and spec.format == "names" and _could_be_place(labels, names):
        what = f"label that is not in `classes`, first {first!r}"
        fix = f"set format: positions if labels count the names in `classes` ({accepted}) from 0"
    elif spec.class_names and spec.format == "names":
        what, fix = f"label that is not in `classes`, first {first!r}", f"correct the labels or `classes` ({accepted})"
    else:
        is_closed = spec.classes is not None or (rule is not None and rule.usual)
        top = f"..{len(names) - 1}" if is_closed else " or more"
        what, fix = f"label out of range, first {first!r}", f"label with 0{top}, or correct `classes`"
    return MtlkdError(f"{said_rows(labels.rows(outside))} have a {what}", where=labels.where, fix=fix)


def _could_be_place(labels: RawLabels, names: tuple[str, ...]) -> bool:
    return all(_is_whole(text) and 0 <= int(text) < len(names) for text in pc.unique(labels.present).to_pylist())

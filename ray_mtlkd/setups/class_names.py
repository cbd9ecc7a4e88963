"""What the classes of a task are called, which of them train shows, and which numbers labels get."""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.cells import Rows, nulls, said_rows
from ray_mtlkd.setups.labels import RawLabels, as_digit, is_whole
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.values import canonical_names, counted, value_type
from ray_mtlkd.tasks.kinds import kind_named
from ray_mtlkd.tasks.kinds.base import ClassRule

SHOWN_NAMES = 5
"""Class names that a message lists."""


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
    if isinstance(spec.classes, int) and all(map(is_whole, found)):
        return tuple(str(number) for number in range(spec.classes))
    rule = kind_named(spec.kind).classes
    if rule is not None and rule.usual and all(map(is_whole, found)):
        return rule.usual
    return tuple(sorted(found, key=lambda name: (0, int(name), name) if is_whole(name) else (1, 0, name)))


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
    if spec.classes is None and all(map(is_whole, names)):
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


def near_duplicates(task: str, names: Iterable[str], train: RawLabels) -> Iterable[str]:
    """What a reader should know of classes whose names differ in nothing but case, spaces or their encoding."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(" ".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    doubled = [found for found in alike.values() if len(found) > 1]
    if not doubled:
        return
    counts = counted(train.present)
    for found in doubled:
        said = " and ".join(f"{name!r} ({counts[name]:,} in train)" for name in found)
        yield f"tasks.{task}: classes {said} differ by case or spaces alone: if they are one, write them alike"


def multi_hot(places: NDArray[np.int64], offsets: NDArray[np.int64], known: Vocabulary) -> NDArray[np.float32]:
    """Labels as columns of 0 and 1, [N, K']: those that train shows, then those that only this split shows."""
    extra = np.setdiff1d(places, known.seen)
    column = np.full(len(known.names), -1, np.int64)
    column[np.concatenate([known.seen, extra])] = np.arange(len(known.seen) + len(extra))
    hot = np.zeros((len(offsets) - 1, len(known.seen) + len(extra)), np.float32)
    hot[np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)), column[places]] = 1.0
    return hot


def _as_labels(names: tuple[str, ...]) -> tuple[str, ...]:
    """Class names as `alike` writes the labels that are called so."""
    of = value_type(names)
    found = canonical_names(names, of)
    return tuple(map(as_digit, found)) if of == "boolean" else found


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
    return all(is_whole(text) and 0 <= int(text) < len(names) for text in pc.unique(labels.present).to_pylist())

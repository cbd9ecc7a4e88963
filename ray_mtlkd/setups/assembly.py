"""Three checked tables become one task, where they agree with each other."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.setups.cells import said_rows
from ray_mtlkd.setups.class_names import (
    Vocabulary,
    all_names,
    class_problems,
    find_places,
    multi_hot,
    near_duplicates,
    unseen_warning,
    vocabulary,
)
from ray_mtlkd.setups.groups import bring_together
from ray_mtlkd.setups.labels import RawLabels, alike, answers
from ray_mtlkd.setups.manifest import TaskSpec
from ray_mtlkd.setups.validated import ValidatedSplit, ValidatedTask
from ray_mtlkd.setups.values import said_markers
from ray_mtlkd.setups.weights import label_weights
from ray_mtlkd.tasks.kinds import Kind, kind_named
from ray_mtlkd.tasks.task import Task


@dataclass(frozen=True)
class CheckedSplit:
    """One table whose columns are each in order: inputs, labels, numbers of their groups and weights, all [M]."""

    inputs: pa.Table
    labels: RawLabels
    groups: NDArray[np.int64] | None = None
    weights: NDArray[np.float64] | None = None


def assemble(
    name: str,
    spec: TaskSpec,
    splits: Mapping[Split, CheckedSplit],
    problems: list[MtlkdError],
    warnings: list[str],
    *,
    unlabelled: pa.Table | None,
) -> ValidatedTask | None:
    """One task from its three checked tables; None where they do not fit each other.

    Args:
        name: Of the task.
        spec: What the manifest says of it.
        splits: Its tables.
        problems: Takes what does not fit.
        warnings: Takes what a reader should know.
        unlabelled: Inputs of its table without labels, where it has one.
    """
    found = len(problems)
    more = {} if unlabelled is None else {f"{spec.unlabelled}": unlabelled}
    problems.extend(_agreement_problems({**{split: table.inputs for split, table in splits.items()}, **more}, spec))
    labels = {split: table.labels for split, table in splits.items()}
    for split, raw in labels.items():
        if raw.missing.all():
            marked = f" ({said_markers(raw.markers)} mark missing ones)" if raw.markers else ""
            problems.append(
                MtlkdError(f"no row has a label{marked}", where=raw.where, fix=f"label some rows of {split}")
            )
    with gather(problems):
        labels = alike(labels, spec)
    if len(problems) > found:
        return None
    task, values = _task_and_values(name, spec, labels, problems, warnings)
    if len(problems) > found:
        return None
    for split, raw in labels.items():
        if raw.missing.any():
            marked = f" ({said_markers(raw.markers)})" if raw.markers else ""
            warnings.append(f"tasks.{name}: {said_rows(raw.missing)} of {split} have no label{marked}: left out")
    kind = kind_named(spec.kind)
    made = {split: _split(table, values[split]) for split, table in splits.items()}
    with gather(problems):
        train, rows = made["train"], _row_weights(splits["train"], kind)
        weights = label_weights(task, spec, train.labels, rows, where=f"tasks.{name}")
        task = kind.fit(task, train.labels, train.groups, weights, labels["train"].where)
        made["train"] = replace(train, weights=weights)
    if len(problems) > found:
        return None
    for split, part in made.items():
        said = None if kind.notice is None else kind.notice(part.labels, part.groups)
        warnings.extend([] if said is None else [f"tasks.{name}: in {split}, {said}"])
        warnings.extend(_one_label(name, split, part.labels))
    typed = {split: replace(part, labels=part.labels.astype(kind.dtype, copy=False)) for split, part in made.items()}
    return ValidatedTask(task, spec, typed, unlabelled)


def _split(table: CheckedSplit, values: Array) -> ValidatedSplit:
    """A table with the labels of the rows that have one; rows of one group lie side by side."""
    kept = np.flatnonzero(~table.labels.missing)
    if table.groups is None:
        return ValidatedSplit(table.inputs, values, kept)
    order, groups = bring_together(table.groups, ~table.labels.missing)
    return ValidatedSplit(table.inputs, values[order], kept[order], groups)


def _row_weights(train: CheckedSplit, kind: Kind) -> NDArray[np.float64] | None:
    """The weight of each label's row; None where rows have none."""
    if train.weights is None:
        return None
    kept = ~train.labels.missing
    return np.repeat(train.weights[kept], train.labels.lengths[kept]) if kind.per_token else train.weights[kept]


def _one_label(name: str, split: Split, labels: Array) -> list[str]:
    """What a reader should know of an evaluation split that cannot tell models apart."""
    if split == "train" or not (labels == labels[:1]).all():
        return []
    return [f"tasks.{name}: no two rows of {split} have different labels that train shows: it cannot tell models apart"]


def _agreement_problems(inputs: Mapping[str, pa.Table], spec: TaskSpec) -> list[MtlkdError]:
    """What the tables, by name, disagree on."""
    problems = []
    for column in spec.input_columns:
        widths = {name: _width(table[column].chunk(0)) for name, table in inputs.items()}
        if len(set(widths.values())) > 1:
            said = ", ".join(f"{width} in {name}" for name, width in widths.items())
            where = f"{spec.data}:{column}"
            fix = "give vectors of one length in all tables"
            problems.append(MtlkdError(f"vector lengths are {said}", where=where, fix=fix))
        train = inputs["train"][column]
        if pa.types.is_floating(train.type) and train.null_count == len(train):
            fix = "leave the column out"
            problems.append(MtlkdError("no train row has a value", where=f"{spec.data}/train:{column}", fix=fix))
    return problems


def _width(column: pa.Array) -> int | None:
    """The length of a column's vectors; None where it holds no vectors."""
    while pa.types.is_large_list(column.type):
        if pa.types.is_floating(column.type.value_type):
            return int(column.offsets[1].as_py() - column.offsets[0].as_py())
        column = column.values
    return None


def _task_and_values(
    name: str, spec: TaskSpec, labels: Mapping[Split, RawLabels], problems: list[MtlkdError], warnings: list[str]
) -> tuple[Task, dict[Split, Array]]:
    """The task with its class names, and the labels of the rows that have one."""
    task = Task(
        name=name,
        kind=spec.kind,
        metric=spec.metric,
        loss=spec.loss or "",
        group=spec.group or "",
        weight=spec.weight,
    )
    if kind_named(spec.kind).classes is not None:
        return _with_classes(task, spec, labels, problems, warnings)
    return task, {split: raw.values.drop_null().to_numpy() for split, raw in labels.items()}


def _with_classes(
    task: Task, spec: TaskSpec, labels: Mapping[Split, RawLabels], problems: list[MtlkdError], warnings: list[str]
) -> tuple[Task, dict[Split, Array]]:
    names = all_names(labels, spec)
    places: dict[Split, NDArray[np.int64]] = {}
    for split, raw in labels.items():
        with gather(problems):
            places[split] = find_places(raw, names, spec)
    if len(places) < len(SPLITS):
        return task, {}
    known = vocabulary(labels, places, spec)
    problems.extend(class_problems(names, known, spec, where=labels["train"].where))
    warning = unseen_warning(task.name, places, labels, known)
    warnings.extend([] if warning is None else [warning])
    if spec.format == "names":
        warnings.extend(near_duplicates(task.name, names, labels["train"]))
    task = replace(
        task,
        classes=known.classes,
        answers=answers(labels["train"], known.classes, spec),
        threshold=0.5 if spec.threshold is None else spec.threshold,
    )
    return task, {split: _code(places[split], raw, known, spec) for split, raw in labels.items()}


def _code(places: NDArray[np.int64], raw: RawLabels, known: Vocabulary, spec: TaskSpec) -> Array:
    """Labels of the rows that have one."""
    if raw.offsets is None:
        return known.codes(places)[~raw.missing]
    kept = places[~raw.left_out]
    if kind_named(spec.kind).labels == "tags":
        return known.codes(kept)
    return multi_hot(kept, np.concatenate([[0], np.cumsum(raw.lengths[~raw.missing])]), known)

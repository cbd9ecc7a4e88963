"""A setup's tables, validated at the door: inputs in one type each, labels coded, every problem reported together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.setups import columns
from ray_mtlkd.setups.files import Request, Source
from ray_mtlkd.setups.labels import (
    LIST_KINDS,
    RawLabels,
    Vocabulary,
    all_names,
    class_problems,
    find_places,
    multi_hot,
    read_labels,
    unseen_warning,
    vocabulary,
)
from ray_mtlkd.setups.manifest import Manifest, TaskSpec
from ray_mtlkd.tasks.examples import SPLITS, Split
from ray_mtlkd.tasks.inputs import Array
from ray_mtlkd.tasks.task import Task

CHECKS: Mapping[str, Callable[..., pa.Array]] = {
    "text": columns.texts,
    "pair": columns.texts,
    "tokens": columns.token_lists,
    "vector": columns.vectors,
    "token_vectors": columns.vector_lists,
}
"""What brings an input column to its one type, by input form (`columns` has two sorts)."""


@dataclass(frozen=True)
class RawSplit:
    """One table of one task: input columns [N], labels as ``tasks.examples`` has them, places in the file [N]."""

    inputs: pa.Table
    labels: Array
    row_ids: NDArray[np.int64]


@dataclass(frozen=True)
class RawTask:
    """One task with its three validated tables."""

    task: Task
    spec: TaskSpec
    splits: Mapping[Split, RawSplit]


@dataclass(frozen=True)
class RawSetup:
    """All tasks of a setup as validated tables, and what the door let pass but a reader should know."""

    manifest: Manifest
    tasks: tuple[RawTask, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Split:
    inputs: dict[str, pa.Array]
    labels: RawLabels


class _Problems(list[MtlkdError]):
    """Problems found so far."""

    def take(self, error: MtlkdError | ExceptionGroup[MtlkdError]) -> None:
        """Add an error, or every error of a group."""
        self.extend([error] if isinstance(error, MtlkdError) else error.exceptions)  # type: ignore[arg-type]


def read_setup(manifest: Manifest, source: Source) -> RawSetup:
    """Every table of a setup, validated.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several, of whatever tasks and tables.
    """
    problems = _Problems()
    warnings: list[str] = []
    tasks = []
    for name, spec in manifest.tasks.items():
        found = len(problems)
        splits = {split: _read_split(spec, split, source, problems) for split in SPLITS}
        whole = {split: table for split, table in splits.items() if table is not None}
        if len(problems) > found or len(whole) < len(SPLITS):
            continue
        task = _assemble(name, spec, whole, problems, warnings)
        if task is not None:
            tasks.append(task)
    raise_all(f"tables of setup {manifest.name}", problems)
    return RawSetup(manifest, tuple(tasks), tuple(warnings))


def _read_split(spec: TaskSpec, split: Split, source: Source, problems: _Problems) -> _Split | None:
    where = source.place(spec.data, split)
    strings = set(spec.columns.categorical if spec.columns is not None else ())
    if spec.form in {"text", "pair"}:
        strings |= set(spec.input_columns)
    try:
        table = source.read(spec.data, split, Request((*spec.input_columns, spec.label), frozenset(strings)))
    except (MtlkdError, ExceptionGroup) as error:
        problems.take(error)
        return None
    if not table.num_rows:
        problems.append(MtlkdError("the table has no rows", where=where, fix="give at least one row"))
        return None
    inputs = {}
    for column in spec.input_columns:
        try:
            inputs[column] = _check_input(spec, column)(_array(table, column), where=f"{where}:{column}")
        except MtlkdError as error:
            problems.append(error)
    try:
        labels = read_labels(_array(table, spec.label), spec, where=f"{where}:{spec.label}")
    except MtlkdError as error:
        problems.append(error)
        return None
    if spec.kind == "tagging" and spec.input_columns[0] in inputs:
        problems.extend(_length_problems(inputs[spec.input_columns[0]], labels, spec))
    return _Split(inputs, labels)


def _check_input(spec: TaskSpec, column: str) -> Callable[..., pa.Array]:
    if spec.columns is None:
        return CHECKS[spec.form]
    return columns.numbers if column in spec.columns.numeric else columns.categories


def _array(table: pa.Table, column: str) -> pa.Array:
    whole = table.column(column).combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def _length_problems(tokens: pa.Array, labels: RawLabels, spec: TaskSpec) -> list[MtlkdError]:
    if labels.offsets is None:
        return []
    other = (np.diff(tokens.offsets.to_numpy()) != np.diff(labels.offsets)) & ~labels.missing
    if not other.any():
        return []
    what = f"{columns.said_rows(other)} have another number of tags than of {spec.form} in {spec.input_columns[0]}"
    return [MtlkdError(what, where=labels.where, fix="give every token exactly one tag")]


def _assemble(
    name: str, spec: TaskSpec, splits: Mapping[Split, _Split], problems: _Problems, warnings: list[str]
) -> RawTask | None:
    """One task from its three checked tables; None where they do not fit each other."""
    found = len(problems)
    problems.extend(_agreement_problems(splits, spec))
    labels = {split: table.labels for split, table in splits.items()}
    for split, raw in labels.items():
        if raw.missing.all():
            problems.append(MtlkdError("no row has a label", where=raw.where, fix=f"label some rows of {split}"))
    if len(problems) > found:
        return None
    if spec.kind == "regression":
        task = _regression_task(name, spec, labels["train"], problems)
        values: dict[Split, Array] = {
            split: raw.values.drop_null().to_numpy().astype(np.float32) for split, raw in labels.items()
        }
    else:
        task, values = _class_task(name, spec, labels, problems, warnings)
    if len(problems) > found:
        return None
    for split, raw in labels.items():
        if raw.missing.any():
            warnings.append(f"tasks.{name}: {columns.said_rows(raw.missing)} of {split} have no label: left out")
    kept = {split: np.flatnonzero(~raw.missing) for split, raw in labels.items()}
    return RawTask(
        task,
        spec,
        {s: RawSplit(_take(table.inputs, kept[s]), values[s], kept[s]) for s, table in splits.items()},
    )


def _take(inputs: Mapping[str, pa.Array], rows: NDArray[np.int64]) -> pa.Table:
    table = pa.table(dict(inputs))
    return table if len(rows) == table.num_rows else table.take(pa.array(rows)).combine_chunks()


def _agreement_problems(splits: Mapping[Split, _Split], spec: TaskSpec) -> list[MtlkdError]:
    """What the three tables disagree on."""
    problems = []
    types = {split: _family(table.labels) for split, table in splits.items()}
    if len(set(types.values()) - {None}) > 1:
        said = ", ".join(f"{kind} in {split}" for split, kind in types.items())
        fix = "write the labels of all splits the same way"
        problems.append(MtlkdError(f"labels are {said}", where=splits["train"].labels.where, fix=fix))
    for column in spec.input_columns:
        widths = {split: _width(table.inputs[column]) for split, table in splits.items()}
        if len(set(widths.values())) > 1:
            said = ", ".join(f"{width} in {split}" for split, width in widths.items())
            where = f"{spec.data}:{column}"
            fix = "give vectors of one length in all splits"
            problems.append(MtlkdError(f"vector lengths are {said}", where=where, fix=fix))
        train = splits["train"].inputs[column]
        if pa.types.is_floating(train.type) and train.null_count == len(train):
            fix = "leave the column out"
            problems.append(MtlkdError("no train row has a value", where=f"{spec.data}/train:{column}", fix=fix))
    return problems


def _family(labels: RawLabels) -> str | None:
    if labels.values.null_count == len(labels.values):
        return None
    return "names" if columns.is_string(labels.values.type) else "numbers"


def _width(column: pa.Array) -> int | None:
    """The length of a column's vectors; None where it holds no vectors."""
    while pa.types.is_large_list(column.type):
        if pa.types.is_floating(column.type.value_type):
            return int(column.offsets[1].as_py() - column.offsets[0].as_py())
        column = column.values
    return None


def _regression_task(name: str, spec: TaskSpec, train: RawLabels, problems: _Problems) -> Task:
    values = train.values.drop_null().to_numpy()
    center, scale = float(values.mean()), float(values.std())
    if not scale > 0:
        fix = "give labels that differ"
        problems.append(MtlkdError(f"every train label is {center:g}: nothing to learn", where=train.where, fix=fix))
    return Task(name=name, kind=spec.kind, metric=spec.metric, center=center, scale=scale)


def _class_task(
    name: str, spec: TaskSpec, labels: Mapping[Split, RawLabels], problems: _Problems, warnings: list[str]
) -> tuple[Task, dict[Split, Array]]:
    names = all_names(labels, spec)
    places: dict[Split, NDArray[np.int64]] = {}
    for split, raw in labels.items():
        try:
            places[split] = find_places(raw, names, spec)
        except MtlkdError as error:
            problems.append(error)
    if len(places) < len(SPLITS):
        return Task(name=name, kind=spec.kind, metric=spec.metric), {}
    known = vocabulary(labels, places, spec)
    problems.extend(class_problems(names, known, spec, where=labels["train"].where))
    warning = unseen_warning(name, places, labels, known)
    warnings.extend([] if warning is None else [warning])
    threshold = 0.5 if spec.threshold is None else spec.threshold
    task = Task(name=name, kind=spec.kind, metric=spec.metric, classes=known.classes, threshold=threshold)
    return task, {split: _code(places[split], raw, known, spec) for split, raw in labels.items()}


def _code(places: NDArray[np.int64], raw: RawLabels, known: Vocabulary, spec: TaskSpec) -> Array:
    """Labels of the rows that have one."""
    if raw.offsets is None or spec.kind not in LIST_KINDS:
        codes = known.codes(places)[~raw.missing]
        return codes.astype(np.float32) if spec.kind == "binary" else codes
    lengths = np.diff(raw.offsets)
    kept = places[np.repeat(~raw.missing, lengths)]
    if spec.kind == "tagging":
        return known.codes(kept)
    return multi_hot(kept, np.concatenate([[0], np.cumsum(lengths[~raw.missing])]), known)

"""A setup's tables, validated at the door: inputs in one type each, labels coded, every problem reported together."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.setups import columns
from ray_mtlkd.setups.assembly import CheckedSplit, assemble
from ray_mtlkd.setups.files import Request, Source
from ray_mtlkd.setups.labels import RawLabels, read_labels
from ray_mtlkd.setups.manifest import Manifest, TaskSpec
from ray_mtlkd.setups.raw import RawSetup
from ray_mtlkd.tasks.examples import SPLITS, Split

CHECKS: Mapping[str, Callable[..., pa.Array]] = {
    "text": columns.texts,
    "pair": columns.texts,
    "tokens": columns.token_lists,
    "vector": columns.vectors,
    "token_vectors": columns.vector_lists,
}
"""What brings an input column to its one type, by input form (`columns` has two sorts)."""


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
    files = _read_files(manifest.tasks.values(), source, problems)
    broken = bool(problems)
    tasks = []
    for name, spec in manifest.tasks.items():
        found = len(problems)
        splits = {split: _read_labels(spec, split, files, problems) for split in SPLITS}
        whole = {split: table for split, table in splits.items() if table is not None}
        if broken or len(problems) > found or len(whole) < len(SPLITS):
            continue
        task = assemble(name, spec, whole, problems, warnings)
        if task is not None:
            tasks.append(task)
    raise_all(f"tables of setup {manifest.name}", problems)
    return RawSetup(manifest, tuple(tasks), tuple(warnings))


@dataclass(frozen=True)
class _File:
    """A file as far as some tasks read it: those of its input columns that are in order, its label columns as is."""

    where: str
    inputs: pa.Table
    labels: pa.Table


_Files = Mapping[tuple[tuple[str, ...], Split], _File | None]


def _read_files(specs: Iterable[TaskSpec], source: Source, problems: _Problems) -> _Files:
    """Every file once for all tasks that read the same inputs of it; None for a file that cannot be read."""
    users: dict[tuple[str, ...], list[TaskSpec]] = {}
    for spec in specs:
        users.setdefault(_inputs_of(spec), []).append(spec)
    return {
        (inputs, split): _read_file(readers, split, source, problems)
        for inputs, readers in users.items()
        for split in SPLITS
    }


def _inputs_of(spec: TaskSpec) -> tuple[str, ...]:
    """What two tasks have in common that read the same inputs."""
    numeric = () if spec.columns is None else (str(len(spec.columns.numeric)),)
    return (spec.data, spec.form, *numeric, *spec.input_columns)


def _read_file(readers: Sequence[TaskSpec], split: Split, source: Source, problems: _Problems) -> _File | None:
    spec = readers[0]
    where = source.place(spec.data, split)
    strings = set(spec.columns.categorical if spec.columns is not None else ())
    if spec.form in {"text", "pair"}:
        strings |= set(spec.input_columns)
    labels = tuple(dict.fromkeys(reader.label for reader in readers))
    wanted = tuple(dict.fromkeys((*spec.input_columns, *labels)))
    try:
        table = source.read(spec.data, split, Request(wanted, frozenset(strings)))
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
    return _File(where, pa.table(inputs), table.select(labels))


def _read_labels(spec: TaskSpec, split: Split, files: _Files, problems: _Problems) -> CheckedSplit | None:
    file = files[_inputs_of(spec), split]
    if file is None:
        return None
    try:
        labels = read_labels(_array(file.labels, spec.label), spec, where=f"{file.where}:{spec.label}")
    except MtlkdError as error:
        problems.append(error)
        return None
    if spec.kind == "tagging" and spec.input_columns[0] in file.inputs.column_names:
        problems.extend(_length_problems(_array(file.inputs, spec.input_columns[0]), labels, spec))
    return CheckedSplit(file.inputs, labels)


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

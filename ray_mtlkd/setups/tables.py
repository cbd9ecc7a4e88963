"""A setup's tables, validated at the door: inputs in one type each, labels coded, every problem reported together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError, gather, raise_all
from ray_mtlkd.setups import columns
from ray_mtlkd.setups.assembly import CheckedSplit, assemble
from ray_mtlkd.setups.files import TableRequest, TableSource, check_columns
from ray_mtlkd.setups.groups import read_groups
from ray_mtlkd.setups.labels import RawLabels, read_labels
from ray_mtlkd.setups.manifest import Columns, Manifest, TaskSpec
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.tasks.kinds import kind_named


class _Problems(list[MtlkdError]):
    """Problems found so far."""

    def take(self, error: MtlkdError | ExceptionGroup[MtlkdError]) -> None:
        """Add an error, or every error of a group."""
        self.extend([error] if isinstance(error, MtlkdError) else error.exceptions)  # type: ignore[arg-type]


def read_setup(manifest: Manifest, source: TableSource) -> ValidatedSetup:
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
    return ValidatedSetup(manifest, tuple(tasks), tuple(warnings))


@dataclass(frozen=True)
class _SplitFile:
    """A file as far as some tasks read it: its input columns that are in order, its labels and groups as they are."""

    where: str
    inputs: pa.Table
    labels: pa.Table


_Files = Mapping[tuple[tuple[str, ...], Split], _SplitFile | None]


def _read_files(specs: Iterable[TaskSpec], source: TableSource, problems: _Problems) -> _Files:
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


def _read_file(
    readers: Sequence[TaskSpec], split: Split, source: TableSource, problems: _Problems
) -> _SplitFile | None:
    spec = readers[0]
    where = source.place(spec.data, split)
    sorts = _sorts(spec)
    strings = frozenset(column for column, sort in sorts.items() if sort in {"text", "category"})
    named = (column for reader in readers for column in (reader.label, reader.group))
    labels = tuple(dict.fromkeys(column for column in named if column is not None))
    wanted = tuple(dict.fromkeys((*spec.input_columns, *labels)))
    try:
        table = source.read(spec.data, split, TableRequest(wanted, strings))
    except (MtlkdError, ExceptionGroup) as error:
        problems.take(error)
        return None
    if not table.num_rows:
        problems.append(MtlkdError("the table has no rows", where=where, fix="give at least one row"))
        return None
    return _SplitFile(where, _check(table, sorts, where, problems), table.select(labels))


def _sorts(spec: TaskSpec) -> Mapping[str, columns.Sort]:
    """What each input column of a task holds."""
    if spec.form == "columns":
        given = spec.columns or Columns()
        numeric: Mapping[str, columns.Sort] = dict.fromkeys(given.numeric, "number")
        return {**numeric, **dict.fromkeys(given.categorical, "category")}
    return dict.fromkeys(spec.input_columns, "text" if spec.form == "pair" else spec.form)


def check_inputs(table: pa.Table, sorts: Mapping[str, columns.Sort], *, where: str) -> pa.Table:
    """The columns that a fitted featuriser reads, checked as those of a setup's tables are.

    Args:
        table: May have other columns besides, and no rows.
        sorts: What each column holds, by name: a featuriser's ``sorts``.
        where: Names the table in errors.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    check_columns(table.column_names, tuple(sorts), where=where)
    problems = _Problems()
    checked = _check(table, sorts, where, problems)
    raise_all(where, problems)
    return checked


def _check(table: pa.Table, sorts: Mapping[str, columns.Sort], where: str, problems: _Problems) -> pa.Table:
    """Those columns that are in order."""
    checked = {}
    for column, sort in sorts.items():
        try:
            checked[column] = columns.CHECKS[sort](columns.whole(table[column]), where=f"{where}:{column}")
        except MtlkdError as error:
            problems.append(error)
    return pa.table(checked)


def _read_labels(spec: TaskSpec, split: Split, files: _Files, problems: _Problems) -> CheckedSplit | None:
    file = files[_inputs_of(spec), split]
    if file is None:
        return None
    labels, groups, found = None, None, len(problems)
    with gather(problems):
        labels = read_labels(columns.whole(file.labels[spec.label]), spec, where=f"{file.where}:{spec.label}")
    with gather(problems):
        if spec.group is not None:
            groups = read_groups(columns.whole(file.labels[spec.group]), where=f"{file.where}:{spec.group}")
    if labels is None or len(problems) > found:
        return None
    if kind_named(spec.kind).per_token and spec.input_columns[0] in file.inputs.column_names:
        problems.extend(_length_problems(columns.whole(file.inputs[spec.input_columns[0]]), labels, spec))
    return CheckedSplit(file.inputs, labels, groups)


def _length_problems(tokens: pa.Array, labels: RawLabels, spec: TaskSpec) -> list[MtlkdError]:
    if labels.offsets is None:
        return []
    other = (np.diff(tokens.offsets.to_numpy()) != np.diff(labels.offsets)) & ~labels.missing
    if not other.any():
        return []
    what = f"{columns.said_rows(other)} have another number of tags than of {spec.form} in {spec.input_columns[0]}"
    return [MtlkdError(what, where=labels.where, fix="give every token exactly one tag")]

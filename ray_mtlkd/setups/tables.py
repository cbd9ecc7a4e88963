"""A setup's tables, validated at the door: inputs in one type each, labels coded, every problem reported together."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial

import numpy as np
import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all, without_repeats
from ray_mtlkd.setups import columns
from ray_mtlkd.setups.assembly import CheckedSplit, assemble
from ray_mtlkd.setups.categories import by_train
from ray_mtlkd.setups.cells import Checked, said_rows
from ray_mtlkd.setups.columns import ColumnRule
from ray_mtlkd.setups.cuts import check_split, cut
from ray_mtlkd.setups.duplicates import said_seen
from ray_mtlkd.setups.files import TableSource
from ray_mtlkd.setups.groups import read_groups
from ray_mtlkd.setups.labels import RawLabels, read_labels
from ray_mtlkd.setups.manifest import Columns, InputSpec, Manifest, TaskSpec
from ray_mtlkd.setups.plain import list_offsets, whole
from ray_mtlkd.setups.requests import ReadTable, TableRequest
from ray_mtlkd.setups.strata import find_strata
from ray_mtlkd.setups.subsets import draw_rows
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.setups.values import said_markers
from ray_mtlkd.setups.weights import read_weights
from ray_mtlkd.tasks.kinds import kind_named


class _Problems(list[MtlkdError]):
    """Problems found so far."""

    def take(self, error: MtlkdError | ExceptionGroup[MtlkdError]) -> None:
        """Add an error, or every error of a group."""
        self.extend([error] if isinstance(error, MtlkdError) else error.exceptions)  # type: ignore[arg-type]


@dataclass(frozen=True)
class CheckedInputs:
    """Input columns in one type each, and how often each marker stood in them for a missing value, by column."""

    columns: pa.Table
    missing: Mapping[str, Mapping[str, int]]


def read_setup(manifest: Manifest, source: TableSource) -> ValidatedSetup:
    """Every table of a setup, validated.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several, of whatever tasks and tables.
    """
    problems = _Problems()
    files = _read_files(manifest.tasks.values(), source, problems)
    warnings = list(_file_warnings(files))
    broken = bool(problems)
    if not broken:
        files = _by_train(manifest.tasks.values(), files, problems, warnings)
    tasks = []
    for name, spec in manifest.tasks.items():
        found = len(problems)
        splits = {split: _read_labels(spec, split, files, problems) for split in SPLITS}
        whole_splits = {split: table for split, table in splits.items() if table is not None}
        if broken or len(problems) > found or len(whole_splits) < len(SPLITS):
            continue
        more = None if spec.unlabelled is None else _there(files[_inputs_of(spec), spec.unlabelled]).inputs
        task = assemble(name, spec, whole_splits, problems, warnings, unlabelled=more)
        if task is not None:
            tasks.append(task)
            warnings.extend(said_seen(task))
    raise_all(f"tables of setup {manifest.name}", without_repeats(problems))
    return ValidatedSetup(manifest, tuple(tasks), tuple(dict.fromkeys(warnings)))


@dataclass(frozen=True)
class _SplitFile:
    """A file as far as some tasks read it: input columns that are in order; labels, groups and weights as they are."""

    where: str
    inputs: pa.Table
    labels: pa.Table
    warnings: tuple[str, ...] = ()
    missing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


_Files = dict[tuple[tuple[str, ...], str], _SplitFile | None]
"""By what tasks read of a folder, and the table's name."""


def _read_files(specs: Iterable[TaskSpec], source: TableSource, problems: _Problems) -> _Files:
    """Every file once for all tasks that read the same inputs of it; None for a file that cannot be read."""
    users: dict[tuple[str, ...], list[TaskSpec]] = {}
    for spec in specs:
        users.setdefault(_inputs_of(spec), []).append(spec)
    found: _Files = {}
    for inputs, readers in users.items():
        lacking = source.lacking(readers[0].data)
        parts = cache(partial(_cut_file, readers, source, lacking))
        for split in _named(readers):
            found[inputs, split] = _read_file(readers, split, source, problems, lacking=lacking, parts=parts)
    return found


def _cut_file(readers: Sequence[TaskSpec], source: TableSource, lacking: frozenset[Split]) -> dict[str, ReadTable]:
    """The parts of the one file, or of train, that tasks with the same inputs have, with all columns that they need."""
    spec = readers[0]
    assert spec.split is not None  # noqa: S101 - who asks has looked
    named = [column for reader in readers for column in (reader.label, reader.group, reader.weight_column)]
    if isinstance(spec.split.stratify, str):
        named.append(spec.split.stratify)
    wanted = (*spec.input_columns, *(column for column in (*named, spec.split.by) if column is not None))
    read = source.read(spec.data, "train", TableRequest(tuple(dict.fromkeys(wanted)), csv=spec.csv))
    where = source.place(spec.data, "train")
    strata = find_strata(read.table, readers, where=where)
    cut_off = [*lacking, "train"]
    parts = cut(read.table, spec.split, spec, group=spec.group, where=where, parts=cut_off, strata=strata)
    return {split: ReadTable(table, read.warnings) for split, table in parts.items()}


def _named(readers: Iterable[TaskSpec]) -> Sequence[str]:
    """The tables that tasks with the same inputs have: the splits, and those without labels."""
    return tuple(dict.fromkeys((*SPLITS, *(spec.unlabelled for spec in readers if spec.unlabelled is not None))))


def _inputs_of(spec: TaskSpec) -> tuple[str, ...]:
    """What two tasks have in common that read the same inputs."""
    forms = repr([(form, getattr(spec, form)) for form in spec.forms])
    marked = repr([spec.markers(column) for column in spec.input_columns])
    return (spec.data, f"{spec.split}", f"{spec.rows}", forms, marked, f"{spec.csv} {spec.separator}")


def _read_file(
    readers: Sequence[TaskSpec],
    split: str,
    source: TableSource,
    problems: _Problems,
    *,
    lacking: frozenset[Split],
    parts: Callable[[], Mapping[str, ReadTable]],
) -> _SplitFile | None:
    spec = readers[0]
    where = source.place(spec.data, split)
    weights = [reader.weight_column for reader in readers if split == "train"]
    known = readers if split in SPLITS else ()
    named = (*(column for reader in known for column in (reader.label, reader.group)), *weights)
    labels = tuple(dict.fromkeys(column for column in named if column is not None))
    wanted = tuple(dict.fromkeys((*spec.input_columns, *labels)))
    try:
        check_split(spec, lacking=lacking, where=where)
        if spec.split is not None and split in parts():
            read, where = parts()[split], f"{source.place(spec.data, 'train')} (rows of {split})"
        else:
            read = source.read(spec.data, split, TableRequest(wanted, csv=spec.csv))
        table = read.table
        if spec.rows is not None and split == "train":
            table = draw_rows(table, spec.rows, where=where)
            where = f"{where} ({spec.rows} of its rows)"
    except (MtlkdError, ExceptionGroup) as error:
        problems.take(error)
        return None
    if not table.num_rows:
        cut = " before it is cut, or another share or `seed` of `split`" if spec.split is not None else ""
        fix = f"give {'it more rows' if cut else 'at least one row'}{cut}"
        problems.append(MtlkdError("the table has no rows", where=where, fix=fix))
        return None
    checked = _check(table, _rules(spec), where, problems)
    return _SplitFile(where, checked.columns, table.select(labels), read.warnings, checked.missing)


def _rules(spec: InputSpec) -> Mapping[str, ColumnRule]:
    """How each input column of a task is read, before train says what its categories are."""
    given = spec.columns or Columns()
    sorts: dict[str, columns.Sort] = {
        **dict.fromkeys(given.numeric, "number"),
        **dict.fromkeys(given.categorical, "category"),
    }
    rules = {
        column: ColumnRule(sort=sort, missing=spec.markers(column), marks=spec.csv.marks)
        for column, sort in sorts.items()
    }
    for form in spec.forms:
        if form != "columns":
            sort: columns.Sort = "text" if form == "pair" else form
            for column in spec.only(form).input_columns:
                rules[column] = ColumnRule(sort=sort, separator=spec.separator_of(column))
    return rules


def _by_train(specs: Iterable[TaskSpec], files: _Files, problems: _Problems, warnings: list[str]) -> _Files:
    """The same files, all of which are there, with equal texts for equal categories, as train shows them."""
    alike: dict[str, dict[tuple[str, ...], TaskSpec]] = {}
    for spec in specs:
        if spec.columns is not None and spec.columns.categorical:
            alike.setdefault(repr(spec.columns), {})[_inputs_of(spec)] = spec
    found = dict(files)
    for users in alike.values():
        tables = [{name: _there(file) for (of, name), file in files.items() if of == inputs} for inputs in users]
        inputs_of = [{split: file.inputs for split, file in table.items()} for table in tables]
        made = by_train(list(users.values()), inputs_of, problems, warnings)
        for inputs, table, changed in zip(users, tables, made, strict=True):
            for split, file in table.items():
                found[inputs, split] = replace(file, inputs=changed[split])
    return found


def _there(file: _SplitFile | None) -> _SplitFile:
    assert file is not None  # noqa: S101 - a file that cannot be read left a problem
    return file


def _file_warnings(files: _Files) -> Iterable[str]:
    """What a reader should know of the files, and what was read as missing, a line a column and folder."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for (inputs, _), file in files.items():
        if file is None:
            continue
        yield from file.warnings
        for column, markers in file.missing.items():
            counts.setdefault((inputs[0], column), Counter()).update(markers)
    for (data, column), markers in counts.items():
        if markers:
            yield f"{data}:{column}: read as missing: {said_markers(markers)} (`na_values` says otherwise)"


def check_inputs(table: pa.Table, rules: Mapping[str, ColumnRule], *, where: str) -> CheckedInputs:
    """The columns that a fitted featuriser reads, checked as those of a setup's tables are.

    Args:
        table: May have other columns besides, and no rows.
        rules: How each is read, by name: a featuriser's ``rules``.
        where: Names the table in errors.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    table = TableRequest(tuple(rules)).taken(table, where=where)
    problems = _Problems()
    checked = _check(table, rules, where, problems)
    raise_all(where, problems)
    return checked


def _check(table: pa.Table, rules: Mapping[str, ColumnRule], where: str, problems: _Problems) -> CheckedInputs:
    """Those columns that are in order."""
    found: dict[str, Checked] = {}
    for column, rule in rules.items():
        with gather(problems):
            found[column] = columns.check(
                plain_column(table[column], where=f"{where}:{column}"), rule, where=f"{where}:{column}"
            )
    missing = {name: checked.missing for name, checked in found.items() if checked.missing}
    return CheckedInputs(pa.table({name: checked.column for name, checked in found.items()}), missing)


def plain_column(column: pa.ChunkedArray, *, where: str) -> pa.Array:
    """A column in one piece and in a plain type.

    Raises:
        MtlkdError: where its type cannot be decoded.
    """
    try:
        return whole(column)
    except pa.ArrowException as error:
        fix = "write it as a plain type"
        raise MtlkdError(f"the column's type is {column.type} ({first_line(error)})", where=where, fix=fix) from error


def _read_labels(spec: TaskSpec, split: Split, files: _Files, problems: _Problems) -> CheckedSplit | None:
    file = files[_inputs_of(spec), split]
    if file is None:
        return None
    labels, groups, weights, found = None, None, None, len(problems)
    with gather(problems):
        labels = read_labels(whole(file.labels[spec.label]), spec, where=f"{file.where}:{spec.label}")
    with gather(problems):
        if spec.group is not None:
            groups = read_groups(whole(file.labels[spec.group]), where=f"{file.where}:{spec.group}")
    with gather(problems):
        if spec.weight_column is not None and split == "train":
            column = whole(file.labels[spec.weight_column])
            weights = read_weights(column, where=f"{file.where}:{spec.weight_column}", marks=spec.csv.marks)
    if labels is None or len(problems) > found:
        return None
    if kind_named(spec.kind).per_token and spec.input_columns[0] in file.inputs.column_names:
        problems.extend(_length_problems(whole(file.inputs[spec.input_columns[0]]), labels, spec))
    return CheckedSplit(file.inputs, labels, groups, weights)


def _length_problems(tokens: pa.Array, labels: RawLabels, spec: TaskSpec) -> list[MtlkdError]:
    if labels.offsets is None:
        return []
    other = (np.diff(list_offsets(tokens)) != np.diff(labels.offsets)) & ~labels.missing
    if not other.any():
        return []
    what = f"{said_rows(other)} have another number of tags than of {spec.form} in {spec.input_columns[0]}"
    return [MtlkdError(what, where=labels.where, fix="give every token exactly one tag")]

"""A task that a table seems to be, key by key, each with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.setups.manifest import Form
from ray_mtlkd.setups.proposal.csv_guess import CsvGuess, guess_csv
from ray_mtlkd.setups.proposal.folder import ALL, FoundData, safe_name
from ray_mtlkd.setups.proposal.further import labels_of_rows
from ray_mtlkd.setups.proposal.inputs import InputGuess, guess_inputs
from ray_mtlkd.setups.proposal.labels import LabelGuess, guess_label
from ray_mtlkd.setups.proposal.profile import ROWS, profiles
from ray_mtlkd.setups.proposal.useless import why_useless

_OF_RARE = frozenset({"average_precision", "macro_f1"})
"""Metrics of labels some of which are rare."""


Keys = dict[str, tuple[Any, str]]
"""Value and reason of each key of a manifest."""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A task of a manifest.

    Attributes:
        form: Of its inputs, the first where there are several.
        keys: Value and reason of each key, in the order in which they are written.
        notes: What a reader should know besides.
    """

    name: str
    form: Form
    keys: Mapping[str, tuple[Any, str]]
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> dict[str, Any]:
        """The task as YAML data."""
        return {key: value for key, (value, _) in self.keys.items()}

    @property
    def has_columns_beside(self) -> bool:
        """Whether there are columns beside its texts."""
        return self.form != "columns" and "columns" in self.keys

    @property
    def kind(self) -> str:
        """Of the task."""
        return str(self.keys["kind"][0])


@dataclass(frozen=True, kw_only=True)
class Guessed:
    """What some tables seem to be, and what is wrong with the others."""

    tasks: tuple[Guess, ...]
    problems: tuple[MtlkdError, ...] = field(default=())


def share_rows(tasks: Sequence[Guess]) -> bool:
    """Whether they are several labels of one table, so that one batch may serve all of them."""
    return len(tasks) > 1 and len({task.plain["data"] for task in tasks}) == 1


def guess_tasks(found: Sequence[FoundData]) -> Guessed:
    """The tasks of all tables that have one; of two that would be called alike, the first."""
    tasks: list[Guess] = []
    problems: list[MtlkdError] = []
    for each in found:
        with gather(problems):
            made = _tasks_of(each, alone=len(found) == 1)
            _refuse_alike(made, tasks, where=str(each.train))
            tasks += made
    return Guessed(tasks=tuple(tasks), problems=tuple(problems))


def _refuse_alike(made: Sequence[Guess], tasks: Sequence[Guess], *, where: str) -> None:
    known = {task.name.casefold(): task.plain["data"] for task in tasks}
    for task in made:
        if task.name.casefold() in known:
            what = f"the task would be called {task.name}, as that of {known[task.name.casefold()]} is"
            raise MtlkdError(what, where=where, fix="rename one of them, or move it away")


def _tasks_of(found: FoundData, *, alone: bool) -> list[Guess]:
    """The tasks of one table: one, called as the table is, or one for each of its labels.

    Raises:
        MtlkdError: where it cannot be read, no column looks like a label, or none is left to read; ExceptionGroup of
            them where several columns are wrong.
    """
    csv = guess_csv(found.train)
    columns = profiles(found.train, csv.format)
    if not any(column.rows for column in columns):
        raise MtlkdError("the table has no rows", where=str(found.train), fix="give at least one row")
    label = guess_label(columns, name=found.name, where=str(found.train))
    inputs = guess_inputs(columns, label)
    if inputs is None:
        others = {column.name: why_useless(column) for column in columns if column is not label.column}
        said = ", ".join(f"{name}: {why}" for name, why in others.items() if why is not None)
        what = f"beside the label {label.column.name} nothing can be read" + (f" ({said})" if said else "")
        raise MtlkdError(what, where=str(found.train), fix="give it columns to predict the label from")
    able, notes = labels_of_rows(label)
    order = [column.name for column in columns]
    labels = sorted(able, key=lambda each: order.index(each.column.name))
    table = _table_keys(found, csv, rows=columns[0].rows) | _split_keys(found, inputs, labels) | _separator_keys(labels)
    forms = {str(form): read for form, read in inputs.forms.items()}
    taken = {each.column.name for each in labels}
    notes = (*(f"not read: {name} ({why})" for name, why in inputs.left_out.items() if name not in taken), *notes)
    names = [label.column.name if alone else f"{found.name}_{label.column.name}" for label in labels]
    return [
        Guess(
            name=safe_name(name) if len(labels) > 1 else found.name,
            form=next(iter(inputs.forms)),
            keys={**table, **_label_keys(label), **forms, "metric": label.metric},
            notes=notes if label is labels[0] else (),
        )
        for name, label in zip(names, labels, strict=True)
    ]


def _table_keys(found: FoundData, csv: CsvGuess, *, rows: int) -> Keys:
    seen = f"the first {ROWS:,} rows" if rows == ROWS else f"{rows:,} rows{'' if found.lacking == ALL else ' of train'}"
    keys: Keys = {"data": (found.data, f"{seen} looked at")}
    return keys | ({"csv": (csv.keys, csv.because)} if csv.keys else {})


def _split_keys(found: FoundData, inputs: InputGuess, labels: Sequence[LabelGuess]) -> Keys:
    if not found.lacking:
        return {}
    by = {} if inputs.by is None else {"by": inputs.by[0]}
    why = "equal inputs on one side" if inputs.by is None else inputs.by[1]
    shares = {"valid": 0.1, "test": 0.2} if "test" in found.lacking else {"valid": 0.1}
    rare = next((label.column.name for label in labels if label.metric[0] in _OF_RARE), None)
    stratify = {} if rare is None else {"stratify": True if len(labels) == 1 else rare}
    why += "" if rare is None else "; each part has its share of rare labels"
    return {"split": ({**shares, **by, **stratify}, f"of {'one file' if found.lacking == ALL else 'train'}; {why}")}


def _separator_keys(labels: Sequence[LabelGuess]) -> Keys:
    if len(labels) == 1:
        return {} if labels[0].separator is None else {"separator": labels[0].separator}
    found = {label.column.name: label.separator for label in labels if label.separator is not None}
    signs = {name: sign for name, (sign, _) in found.items()}
    return {"separator": (signs, next(why for _, why in found.values()))} if found else {}


def _label_keys(label: LabelGuess) -> Keys:
    keys: Keys = {"kind": (label.kind, label.because), "label": (label.column.name, label.chosen)}
    if label.classes is not None:
        keys["classes"] = (list(label.classes[0]), label.classes[1])
    if label.format is not None:
        keys["format"] = label.format
    if label.group is not None:
        keys["group"] = (label.group, "whose rows are ranked against each other")
    if label.column.missing:
        said = f"{label.column.missing:,} of {label.column.rows:,} rows have none"
        said += "; an empty cell is a list of nothing, and stays" if label.separator is not None else ""
        keys["missing_labels"] = ("skip", said)
    return keys

"""A task that a table seems to be, key by key, each with its reason."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.setups.manifest import Form
from ray_mtlkd.setups.proposal.csv_guess import guess_csv
from ray_mtlkd.setups.proposal.folder import ALL, FoundData
from ray_mtlkd.setups.proposal.inputs import guess_inputs
from ray_mtlkd.setups.proposal.labels import guess_label
from ray_mtlkd.setups.proposal.profile import ROWS, profiles
from ray_mtlkd.setups.proposal.useless import why_useless

_OF_RARE = frozenset({"average_precision", "macro_f1"})
"""Metrics of labels some of which are rare."""


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


def guess_task(found: FoundData) -> Guess:
    """The task of one table.

    Raises:
        MtlkdError: where it cannot be read, no column looks like a label, or none is left to read; ExceptionGroup of
            them where several columns are wrong.
    """
    csv = guess_csv(found.train)
    columns = profiles(found.train, csv.format)
    where, rows = str(found.train), columns[0].rows if columns else 0
    label = guess_label(columns, name=found.name, where=where)
    inputs = guess_inputs(columns, label)
    if inputs is None:
        others = {column.name: why_useless(column) for column in columns if column is not label.column}
        said = ", ".join(f"{name}: {why}" for name, why in others.items() if why is not None)
        what = f"beside the label {label.column.name} nothing can be read" + (f" ({said})" if said else "")
        raise MtlkdError(what, where=where, fix="give it columns to predict the label from")
    seen = f"the first {ROWS:,} rows" if rows == ROWS else f"{rows:,} rows{'' if found.lacking == ALL else ' of train'}"
    keys: dict[str, tuple[Any, str]] = {"data": (found.data, f"{seen} looked at")}
    if csv.keys:
        keys["csv"] = (csv.keys, csv.because)
    if found.lacking:
        by = {} if inputs.by is None else {"by": inputs.by[0]}
        why = "equal inputs on one side" if inputs.by is None else inputs.by[1]
        shares = {"valid": 0.1, "test": 0.2} if "test" in found.lacking else {"valid": 0.1}
        rare = {"stratify": True} if label.metric[0] in _OF_RARE else {}
        why += "; each part has its share of rare labels" if rare else ""
        keys["split"] = ({**shares, **by, **rare}, f"of {'one file' if found.lacking == ALL else 'train'}; {why}")
    keys["kind"] = (label.kind, label.because)
    keys["label"] = (label.column.name, label.chosen)
    if label.classes is not None:
        keys["classes"] = (list(label.classes[0]), label.classes[1])
    if label.format is not None:
        keys["format"] = label.format
    if label.separator is not None:
        keys["separator"] = label.separator
    if label.group is not None:
        keys["group"] = (label.group, "whose rows are ranked against each other")
    if label.column.missing:
        said = f"{label.column.missing:,} of {label.column.rows:,} rows have none"
        said += "; an empty cell is a list of nothing, and stays" if label.separator is not None else ""
        keys["missing_labels"] = ("skip", said)
    keys |= {str(form): read for form, read in inputs.forms.items()}
    keys["metric"] = label.metric
    notes = [f"not read: {name} ({why})" for name, why in inputs.left_out.items()]
    notes += [f"{name} is called like a label: a task of its own?" for name in label.others]
    return Guess(name=found.name, form=next(iter(inputs.forms)), keys=keys, notes=tuple(notes))


def guess_tasks(found: Iterable[FoundData]) -> Guessed:
    """The tasks of all tables that can be one."""
    tasks: list[Guess] = []
    problems: list[MtlkdError] = []
    for each in found:
        with gather(problems):
            tasks.append(guess_task(each))
    return Guessed(tasks=tuple(tasks), problems=tuple(problems))

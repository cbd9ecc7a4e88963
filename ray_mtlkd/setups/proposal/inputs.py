"""Which columns of a table are inputs, and in which form."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

from ray_mtlkd.setups.manifest import Form
from ray_mtlkd.setups.proposal.labels import LabelGuess
from ray_mtlkd.setups.proposal.profile import ColumnProfile
from ray_mtlkd.setups.proposal.useless import FEW, is_key, why_useless

_SIDES = re.compile(r"^(?:a|b|left|right|first|second)[ _.-]|[ _.-]?(?:a|b|1|2|one|two|left|right)$", re.IGNORECASE)
_PAIRS = frozenset(
    frozenset(names)
    for names in (
        *(("premise", "hypothesis"), ("question", "answer"), ("question", "context"), ("query", "document")),
        *(("query", "passage"), ("query", "title"), ("query", "product_title")),
    )
)
_WHO = ("customer", "user", "client", "person", "patient", "account", "author", "member")
_TEXT_WORDS = 2.5
"""Mean words from which texts are read as such, and are no categories."""
_PROSE = 0.1
"""Share of rows from which texts differ so much that they are no categories."""
_MOST_CATEGORIES = 1000
_REPEATED = 0.9
_REPEATS = 10
"""Mean rows of a category from which it is worth a look beside a text."""


@dataclass(frozen=True, kw_only=True)
class InputGuess:
    """What a task reads.

    Attributes:
        forms: By form, what the manifest has under its name, and why so.
        left_out: Why other columns are not read, by name.
        by: A column whose rows should stay on one side of a cut, and why.
    """

    forms: Mapping[Form, tuple[Any, str]]
    left_out: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, str] | None = None


class _Read(NamedTuple):
    form: Form
    value: Any
    because: str
    used: set[str]


def guess_inputs(columns: Sequence[ColumnProfile], label: LabelGuess) -> InputGuess | None:
    """What is left beside the label; None where nothing is."""
    others = {other.column.name for other in label.others}
    left_out: dict[str, str] = {}
    able: list[ColumnProfile] = []
    for column in columns:
        if column.name in {label.column.name, label.group}:
            continue
        why = "called like a label" if column.name in others else why_useless(column)
        if why is None:
            able.append(column)
        else:
            left_out[column.name] = why
    owners = [name for column in columns if (name := _owner(column, label)) is not None]
    owner = min(owners, key=lambda name: not any(word in name.casefold() for word in _WHO), default=None)
    by = None if owner is None else (owner, f"all rows of one {owner} on one side")
    reads = _reads(able, label)
    if not reads:
        return None
    used = {name for read in reads for name in read.used}
    left_out |= {column.name: f"beside {reads[0].form}" for column in able if column.name not in used}
    return InputGuess(forms={read.form: (read.value, read.because) for read in reads}, left_out=left_out, by=by)


def _owner(column: ColumnProfile, label: LabelGuess) -> str | None:
    """The column's name where it says whose the rows are, and some have several."""
    is_other = column.name not in {label.column.name, label.group} and not column.missing
    return column.name if is_other and is_key(column) and FEW <= column.distinct <= _REPEATED * column.rows else None


def _reads(able: Sequence[ColumnProfile], label: LabelGuess) -> list[_Read]:
    """The first form that there are columns for: of words, of texts, of a vector, of lists, else of single values.

    Beside texts stand single values, where there are any.
    """
    if label.tokens is not None:
        return [_Read("tokens", label.tokens, "the words that have tags", {label.tokens})]
    texts = _of_texts(able)
    if texts is None:
        return [read for read in (_of_lists(able) or _of_values(able),) if read is not None]
    values = _of_values([column for column in able if column.sort == "number" or _repeats(column)])
    return [texts] if values is None else [texts, values]


def _of_texts(able: Sequence[ColumnProfile]) -> _Read | None:
    texts = [column for column in able if _is_text(column)]
    names = [column.name for column in texts]
    sides = next((pair for pair in combinations(names, 2) if _are_sides(*pair)), None)
    if sides is not None:
        return _Read("pair", [*sides], "two texts that are compared", {*sides})
    why = f"{texts[0].words:.0f} words on average" if len(texts) == 1 else "texts, joined in this order"
    return _Read("text", names, why, set(names)) if texts else None


def _of_lists(able: Sequence[ColumnProfile]) -> _Read | None:
    for column in able:
        if column.sort == "numbers" and column.length is not None and column.length > 1:
            return _Read("vector", column.name, f"{column.length} numbers a row", {column.name})
    words = next((column.name for column in able if column.sort == "texts"), None)
    return None if words is None else _Read("tokens", words, "lists of texts", {words})


def _of_values(able: Sequence[ColumnProfile]) -> _Read | None:
    numeric = [column.name for column in able if column.sort == "number"]
    categorical = [column.name for column in able if column.sort == "text" and column.distinct <= _MOST_CATEGORIES]
    value = {sort: found for sort, found in (("numeric", numeric), ("categorical", categorical)) if found}
    why = "numbers, and texts of few different values"
    return _Read("columns", value, why, {*numeric, *categorical}) if value else None


def _is_text(column: ColumnProfile) -> bool:
    return column.sort == "text" and _is_prose(column)


def _repeats(column: ColumnProfile) -> bool:
    """Whether values stand there so often that valid has few others."""
    return column.distinct * _REPEATS <= column.rows


def _is_prose(column: ColumnProfile) -> bool:
    values = len(column.values)
    are_words = column.words >= _TEXT_WORDS and column.distinct >= _PROSE * values
    return are_words or column.distinct > max(_MOST_CATEGORIES, 0.5 * values)


def _are_sides(first: str, second: str) -> bool:
    """Whether two names are those of the sides of one thing."""
    stems = {_SIDES.sub("", name).casefold() for name in (first, second)}
    are_marked = all(_SIDES.search(name) for name in (first, second))
    return (are_marked and len(stems) == 1) or frozenset({first.casefold(), second.casefold()}) in _PAIRS

"""Which column of a table is a label, and of what kind of task."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.plain import list_offsets
from ray_mtlkd.setups.proposal.profile import ColumnProfile
from ray_mtlkd.setups.proposal.useless import why_useless
from ray_mtlkd.setups.values import value_type
from ray_mtlkd.tasks.kinds.tagging import is_bio

_NAMES = (
    *("label", "labels", "target", "targets", "relevance", "class", "classes", "tag", "tags", "ner_tags"),
    *("outcome", "y", "intent", "sentiment", "emotion", "emotions", "topic", "category", "categories"),
    *("rating", "score", "stars"),
)
"""What labels are mostly called, the surest first."""
_MARKS = ("label_", "target_", "y_")
"""How names of labels begin, where a table has several."""
_FLAGS = ("is_", "has_", "was_")
"""How names of binary labels begin."""
_AMOUNTS = ("rating", "score", "star", "price", "amount", "count", "age", "rank", "year", "days", "number", "value")
"""What is in the names of numbers that are more or less of something."""
_GROUPS = ("query_id", "qid", "query", "group_id", "session_id", "search_id")
_POSITIVE = ("1", "true", "yes", "y", "positive", "pos", "spam", "churned", "good", "success", "fraud", "match")
"""What the class is mostly called that a binary task looks for."""
_TELLING = 3
"""Letters from which a name that is part of another says something."""
_MOST_CLASSES = 1000
_MOST_WHOLE_CLASSES = 20
_MOST_GRADES = 6
_MOST_WORDS = 6.0
_ROWS_A_CLASS = 5
_SEPARATORS = (";", "|", ",")
"""What stands between several names in one cell."""
_IN_NAMES = frozenset({","})
"""Those that stand in names as well: names must be fewer than cells there."""
_MOST_NAME_WORDS = 3
_JOINED = 0.05
"""Share of the cells from which one that holds several names is no accident."""
_RARE = 0.2
_UNEVEN = 10
_BITS = pa.array([0.0, 1.0])
_OUTSIDE_BEGIN_INSIDE = pa.array([0.0, 1.0, 2.0])


@dataclass(frozen=True, kw_only=True)
class LabelGuess:
    """A column as the label of a task.

    Attributes:
        chosen: Why this column.
        because: Why this kind.
        metric: Name and reason.
        tokens: Of taggers, the column of the words.
        group: Of rankings, the column of the queries.
        classes: Where they must be said, in the order of their numbers, and why so.
        format: Of labels that are no names, and why so.
        separator: Of lists in one text, and why so.
        others: Other columns that are called like labels.
    """

    column: ColumnProfile
    chosen: str
    kind: str
    because: str
    metric: tuple[str, str]
    tokens: str | None = None
    group: str | None = None
    classes: tuple[tuple[str, ...], str] | None = None
    format: tuple[str, str] | None = None
    separator: tuple[str, str] | None = None
    others: tuple["LabelGuess", ...] = ()


@dataclass(frozen=True, kw_only=True)
class _KindGuess:
    name: str
    because: str
    tokens: str | None = None
    group: str | None = None
    classes: tuple[tuple[str, ...], str] | None = None
    format: tuple[str, str] | None = None
    separator: tuple[str, str] | None = None


def guess_label(columns: Sequence[ColumnProfile], *, name: str, where: str) -> LabelGuess:
    """The column that looks most like a label: by its name, else by the table's, else the last one that can be one.

    Raises:
        MtlkdError: where none can be a label.
    """
    useful = [column for column in columns if why_useless(column) is None]
    kinds = {column.name: kind for column in useful if (kind := _kind(column, columns)) is not None}
    able = [column for column in columns if column.name in kinds]
    if not able:
        said = ", ".join(column.name for column in columns[:8])
        fix = "give it a column with a class, a number or a list of classes in (almost) every row"
        raise MtlkdError(f"no column looks like a label (it has {said})", where=where, fix=fix)
    column, chosen = _chosen(able, name)
    others = [other for other in able if other is not column and _is_called_label(other)]
    return replace(
        _guessed(column, chosen, kinds[column.name]),
        others=tuple(_guessed(other, "called like a label as well", kinds[other.name]) for other in others),
    )


def _guessed(column: ColumnProfile, chosen: str, kind: _KindGuess) -> LabelGuess:
    return LabelGuess(
        column=column,
        chosen=chosen,
        kind=kind.name,
        because=kind.because,
        metric=_metric(kind.name, column),
        tokens=kind.tokens,
        group=kind.group,
        classes=_classes(column) if kind.name == "binary" else kind.classes,
        format=kind.format,
        separator=kind.separator,
    )


def _is_called_label(column: ColumnProfile) -> bool:
    folded = column.name.casefold()
    return folded in _NAMES or folded.startswith(_MARKS)


def _chosen(able: Sequence[ColumnProfile], name: str) -> tuple[ColumnProfile, str]:
    by_name = {column.name.casefold(): column for column in reversed(able)}
    for known in _NAMES:
        if known in by_name:
            return by_name[known], "labels are mostly called so"
    for folded, column in by_name.items():
        if folded.startswith((*_MARKS, *_FLAGS)):
            return column, "its name says so"
    for folded, column in by_name.items():
        shorter, longer = sorted((name.casefold(), folded), key=len)
        if len(shorter) >= _TELLING and shorter in longer:
            return column, "called as the table is"
    return able[-1], "the last column that can be one"


def _kind(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    """The kind of task that it could be the label of."""
    by_sort = {"texts": _of_lists, "numbers": _of_numbers, "number": _of_number, "text": _of_text}
    return by_sort[column.sort](column, columns) if column.sort in by_sort else None


def _of_text(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    lists = _of_tags(column, columns) or _of_joined(column)
    if lists is not None:
        return lists
    if column.distinct == 2 and column.words <= _MOST_WORDS:  # noqa: PLR2004 - binary
        return _KindGuess(name="binary", because="two different values")
    if column.words > _MOST_WORDS or not 1 < column.distinct <= _most_classes(column):
        return None
    return _KindGuess(name="multiclass", because=f"{column.distinct} different texts")


def _of_tags(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    """A text that holds BIO tags, one for each word of another."""
    if not all(is_bio(tag) for text, _ in column.counts for tag in text.split()):
        return None
    lengths = pc.list_value_length(pc.utf8_split_whitespace(column.values))
    for other in columns:
        is_other = other is not column and other.sort == "text" and len(other.values) == len(column.values)
        if is_other and lengths.equals(pc.list_value_length(pc.utf8_split_whitespace(other.values))):
            because, between = f"a BIO tag for each word of {other.name}", (" ", "between words, and between tags")
            return _KindGuess(name="tagging", because=because, tokens=other.name, separator=between)
    return None


def _of_joined(column: ColumnProfile) -> _KindGuess | None:
    """A text that holds several names, each of which stands in other rows as well."""
    for separator in _SEPARATORS:
        if separator in _IN_NAMES and not _is_called_label(column):
            continue
        split = Counter(
            name.strip() for text, count in column.counts if separator in text for name in text.split(separator) * count
        )
        alone = {text for text, _ in column.counts if separator not in text}
        names = {name for name in split if name} | alone
        is_short = all(len(name.split()) <= _MOST_NAME_WORDS for name in names)
        joined = sum(count for text, count in column.counts if separator in text)
        is_list = is_short and joined >= _JOINED * len(column.values) and len(names) <= _most_classes(column)
        in_cells = sum(len(set(text.split(separator))) for text, _ in column.counts)
        if is_list and len(names) < (column.distinct if separator in _IN_NAMES else in_cells):
            between = (separator, "between the names in one cell")
            return _KindGuess(name="multilabel", because=f"lists of {len(names)} different texts", separator=between)
    return None


def _most_classes(column: ColumnProfile) -> float:
    return min(_MOST_CLASSES, len(column.values) / _ROWS_A_CLASS)


def _of_lists(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    texts = [text for text, _ in column.counts]
    if set(texts) - {"O"} and all(map(is_bio, texts)):
        tokens = _tokens(column, columns)
        because = f"a BIO tag for each of {tokens}"
        return None if tokens is None else _KindGuess(name="tagging", because=because, tokens=tokens)
    if not 1 < column.distinct <= min(_MOST_CLASSES, len(column.values)):
        return None
    return _KindGuess(name="multilabel", because=f"lists of {column.distinct} different texts")


def _tokens(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> str | None:
    """A column of as many words as this one has elements, row by row."""
    lengths = np.diff(list_offsets(column.values))
    for other in columns:
        is_other = other is not column and other.sort == "texts" and len(other.values) == len(column.values)
        if is_other and np.array_equal(np.diff(list_offsets(other.values)), lengths):
            return other.name
    return None


def _of_numbers(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    items = column.values.flatten()
    tokens = _tokens(column, columns)
    if tokens is not None and column.length is None:
        if not pc.all(pc.is_in(items.cast("float64"), _OUTSIDE_BEGIN_INSIDE)).as_py():
            return None  # which number is which tag, nobody can tell
        tags = (("O", "B-span", "I-span"), "0 is outside, 1 begins and 2 goes on, as mostly")
        positions = ("positions", "numbers count these")
        because = f"a number for each of {tokens}"
        return _KindGuess(name="tagging", because=because, tokens=tokens, classes=tags, format=positions)
    if column.length is not None and column.length > 1 and pc.all(pc.is_in(items.cast("float64"), _BITS)).as_py():
        indicator = ("indicator", "a 0 or 1 for every class")
        return _KindGuess(name="multilabel", because=f"lists of {column.length} numbers", format=indicator)
    if column.length is None and pc.all(pc.equal(items.cast("float64"), pc.floor(items))).as_py():
        return _KindGuess(name="multilabel", because=f"lists of {column.distinct} different whole numbers")
    return None


def _of_number(column: ColumnProfile, columns: Iterable[ColumnProfile]) -> _KindGuess | None:
    folded = column.name.casefold()
    if column.distinct <= 1:
        return None
    group = next((other for other in columns if other.name.casefold() in _GROUPS and other is not column), None)
    if group is not None and _are_grades(column) and group.distinct <= group.rows / 2:
        return _KindGuess(name="ranking", because=f"grades of the rows of each {group.name}", group=group.name)
    if column.distinct == 2:  # noqa: PLR2004 - binary
        return _KindGuess(name="binary", because="two different values")
    is_amount = any(word in folded for word in _AMOUNTS)
    most = _most_classes(column) if _is_called_label(column) else _MOST_WHOLE_CLASSES
    if column.is_whole and column.distinct <= most and not is_amount:
        return _KindGuess(
            name="multiclass",
            because=f"{column.distinct} different whole numbers; if they are more or less of something, say regression",
        )
    return _KindGuess(name="regression", because=f"{column.distinct} different numbers")


def _are_grades(column: ColumnProfile) -> bool:
    is_called_so = column.name.casefold() in {"relevance", "label", "grade"}
    return is_called_so and column.is_whole and column.distinct <= _MOST_GRADES and pc.min(column.values).as_py() >= 0


def _metric(kind: str, column: ColumnProfile) -> tuple[str, str]:
    counts = [count for _, count in column.counts]
    if kind == "binary":
        share = min(counts) / max(1, sum(counts))
        if share < _RARE:
            return "average_precision", f"one class is rare ({share:.1%})"
        return "auc", "how well scores order the rows, whatever the threshold"
    if kind == "multiclass":
        if max(counts) > _UNEVEN * min(counts):
            return "macro_f1", f"classes have {min(counts)} to {max(counts)} rows: all count alike"
        return "accuracy", "classes are about as frequent"
    return {
        "multilabel": ("micro_f1", "all labels of all rows together"),
        "regression": ("r2", "share of the variance that is explained"),
        "tagging": ("span_f1", "whole spans count"),
        "ranking": ("ndcg@10", "the first ten count"),
    }[kind]


def _classes(column: ColumnProfile) -> tuple[tuple[str, str], str] | None:
    """The names of a binary task's classes, the negative one first; None where they are 0 and 1."""
    (first, _), (second, _) = column.counts[:2]
    if value_type((first, second)) == "digit":
        return None
    for positive, negative in ((first, second), (second, first)):
        if positive.casefold() in _POSITIVE:
            return (negative, positive), f"the second is the positive one: {positive}, by its name"
    return (first, second), f"the second is the positive one: {second}, which is rarer"

"""Values of categories and classes as texts that are equal where the values are, whatever file format wrote them.

A category is a value: 3, 3.0 and "3" are one where train's column holds whole numbers, and true, True and 1 where it
holds booleans. What a column holds is what the values of its train table look like, all of them; a code like 007 or 1E2
is no number, and is kept as it is written.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ValueType = Literal["text", "number", "digit", "boolean"]
"""What all values of a column are; a ``digit`` is 0 or 1, which some writers call false and true."""

MARKERS = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"),
)
"""Cells that mean that a value is missing, unless a manifest's `na_values` says otherwise; an empty one always does."""

EXACT = 2.0**53
"""Beyond it, floats skip whole numbers."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_WHOLE = re.compile(r"(-?[0-9]+)\.0+")
_WORDS = frozenset({"true", "false"})


def number_texts(values: pa.Array) -> pa.Array:
    """Floats [N] as the shortest texts that say them, whole ones without a point; NaN is null."""
    numbers = values.to_numpy(zero_copy_only=False)
    distinct, places = np.unique(numbers, return_inverse=True)
    texts = [None if np.isnan(number) else _number_text(number) for number in distinct]
    return pa.array(texts, pa.large_string()).take(pa.array(places.reshape(-1)))


def value_type(texts: Iterable[str]) -> ValueType:
    """What all of some distinct values are.

    Values that would become equal are told apart as they are written: they are texts.
    """
    given = list(texts)
    if not given:
        return "text"
    if all(text.lower() in _WORDS for text in given):
        return "boolean" if len({text.lower() for text in given}) == len(given) else "text"
    if not all(_NUMBER.fullmatch(text) for text in given):
        return "text"
    numbers = {_number(text) for text in given}
    if len(numbers) < len(given):
        return "text"
    return "digit" if numbers <= {"0", "1"} else "number"


def canonical(texts: pa.Array, values: ValueType) -> pa.Array:
    """Texts (large_string, nulls stay) as the text of the value that each says, where values are of this type."""
    return texts if values == "text" else by_value(texts, _CANONICAL[values])


def canonical_names(names: Iterable[str], values: ValueType) -> tuple[str, ...]:
    """The same of single texts."""
    return tuple(names) if values == "text" else tuple(map(_CANONICAL[values], names))


def is_fraction(text: str) -> bool:
    """Whether a text says a number that is no whole one."""
    return _NUMBER.fullmatch(text) is not None and "." in _number(text)


def by_value(texts: pa.Array, change: Callable[[str], str | None]) -> pa.Array:
    """Each distinct text replaced by what ``change`` makes of it; nulls stay."""
    coded = texts.dictionary_encode()
    changed = pa.array([change(text) for text in coded.dictionary.to_pylist()], pa.large_string())
    return changed.take(coded.indices)


def without_markers(texts: pa.Array, markers: Iterable[str]) -> tuple[pa.Array, Counter[str]]:
    """Texts with nulls where a marker stands, or nothing; and how often each marker stands there."""
    known = frozenset(markers)
    counts = counted(texts.filter(pc.is_in(texts, value_set=pa.array([*known], pa.large_string()))))
    gaps = pc.is_in(texts, value_set=pa.array([*known, ""], pa.large_string()))
    return pc.if_else(gaps, pa.scalar(None, texts.type), texts), counts


def counted(values: pa.Array) -> Counter[Any]:
    """How often each value stands there."""
    return Counter({item["values"].as_py(): item["counts"].as_py() for item in pc.value_counts(values)})


def said_markers(counts: Mapping[str, int]) -> str:
    """``'NA' 20, 'null' 1``."""
    return ", ".join(f"{marker!r} {count}" for marker, count in sorted(counts.items()))


def _number_text(number: np.floating) -> str:
    whole = abs(number) < EXACT and number == np.floor(number)
    return str(int(number)) if whole else str(number)


def _number(text: str) -> str:
    whole = _WHOLE.fullmatch(text)
    stripped = text if whole is None else whole[1]
    return "0" if stripped == "-0" else stripped


def _digit(text: str) -> str:
    return {"true": "1", "false": "0"}.get(text.lower()) or _number(text)


def _boolean(text: str) -> str:
    lower = text.lower()
    return lower if lower in _WORDS else {"1": "true", "0": "false"}.get(_number(text), text)


_CANONICAL: Mapping[ValueType, Callable[[str], str]] = {"number": _number, "digit": _digit, "boolean": _boolean}

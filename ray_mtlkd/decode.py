"""From plain data to frozen dataclasses, once, at the door, with every error of a document at its path."""

import difflib
import functools
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field, fields, is_dataclass
from typing import Any, TypeVar, cast, dataclass_transform

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from ray_mtlkd.errors import MtlkdError

T = TypeVar("T")

# Not built before it is needed: the command line imports many documents, and reads few of them.
_CONFIG = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

LARGEST = 2**53
"""Of whole numbers, either side of 0: beyond, a `float` can be of two of them, and tables' columns soon end."""
_MOST_PROBLEMS = 100
"""Of a document, told one by one."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
def document(kind: type[T]) -> type[T]:
    """Class decorator: a frozen dataclass, keyword-only, that holds what its fields declare and nothing else.

    Unknown keys, wrong types and values out of range are errors, nothing is coerced: in YAML, which `decode` reads, and
    in Python, where they are a ``ValueError``. Ranges stand on the fields (`ray_mtlkd.ranges`); rules over several
    fields in ``__post_init__``, by `refuse`, which sees fields that are each right by themselves.
    """
    return cast("type[T]", dataclass(kind, frozen=True, kw_only=True, config=_CONFIG))


class RefusedError(ValueError):
    """What `refuse` raises: pydantic, and so `decode`, then says where the document stands."""

    def __init__(self, problems: tuple[MtlkdError, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


def refuse(problems: Iterable[MtlkdError]) -> None:
    """Refuse a document, or a field's value, for every problem of it; ``where`` is the path from there, or empty.

    Raises:
        RefusedError: where there are some.
    """
    found = tuple(problems)
    if found:
        raise RefusedError(found)


def decode(kind: type[T], value: Any, *, where: str) -> T:
    """``value`` (plain YAML data) as a ``kind``.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    strange = _unrepresentable(value, where)
    problems: list[MtlkdError] = list(itertools.islice(strange, _MOST_PROBLEMS))
    problems += _left_out(sum(1 for _ in strange), where)
    if not problems:
        try:
            # mypy: a class is hashable
            decoded: T = adapter(cast(Any, kind)).validate_json(json.dumps(value), strict=True, extra="forbid")
        except ValidationError as error:
            problems = misfits(kind, value, error, where=where)
        else:
            return decoded
    if len(problems) == 1:
        raise problems[0] from None
    raise ExceptionGroup(where, problems) from None


def unknown_name(name: object, valid: Iterable[str], *, what: str, where: str) -> MtlkdError:
    """The error for a name that is not in a registry, listing the valid ones."""
    names = sorted(valid)
    if not names:
        return MtlkdError(f"unknown {what} {name!r}", where=where, fix="remove it: nothing can be set here")
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean {close[0]!r}? use one of: " if close else "use one of: "
    return MtlkdError(f"unknown {what} {name!r}", where=where, fix=hint + ", ".join(names))


def unknown_keys(given: Iterable[object], valid: Iterable[str], *, what: str, where: str) -> Iterator[MtlkdError]:
    """The errors for keys of the mapping at ``where`` that are not in a registry; of very many, the first ones."""
    names = sorted(valid)
    unknown = [key for key in given if key not in names]
    for key in unknown[:_MOST_PROBLEMS]:
        yield unknown_name(key, names, what=what, where=join(where, str(key)))
    yield from _left_out(len(unknown) - _MOST_PROBLEMS, where)


def join(where: str, *parts: str | int) -> str:
    """A YAML path: ``join("tasks", "atis", 0)`` is ``tasks.atis[0]``."""
    for part in parts:
        if isinstance(part, int):
            where += f"[{part}]"
        else:
            where += f".{part}" if where else part
    return where


def leaves(value: Any, where: str = "") -> dict[str, Any]:
    """Every value in plain data by its YAML path; a list without mappings is one value."""
    if isinstance(value, Mapping):
        parts = list(value.items())
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        parts = list(enumerate(value))
    else:
        return {where: value}
    return {path: leaf for step, part in parts for path, leaf in leaves(part, join(where, step)).items()}


@functools.cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What reads and checks a type; building one takes milliseconds."""
    return TypeAdapter(kind)


def misfits(kind: Any, value: Any, error: ValidationError, *, where: str) -> list[MtlkdError]:
    """Every reason why ``value`` is no ``kind``, at its path below ``where``."""
    details = error.errors(include_url=False)
    paths = [_steps(value, detail["loc"]) for detail in details]
    above = {path[:length] for path in paths for length in range(len(path))}
    # Where one kind of a union fits as far as a deeper mistake, that the others do not fit at all is no news.
    told = [
        (detail, path)
        for detail, path in zip(details, paths, strict=True)
        if detail["type"] in _MISSING or path not in above
    ]
    found = [
        problem for detail, path in told[:_MOST_PROBLEMS] for problem in _problems(kind, detail, join(where, *path))
    ]
    return _merge([*found, *_left_out(len(told) - _MOST_PROBLEMS, where)])


def _left_out(count: int, where: str) -> Iterator[MtlkdError]:
    if count > 0:
        yield MtlkdError(f"{count:,} more that does not fit", where=where, fix="correct what is told of first")


def _unrepresentable(value: Any, where: str) -> Iterator[MtlkdError]:
    """Values that YAML knows, and neither JSON nor a column of a table."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                yield MtlkdError(f"key {key!r} is not text", where=where, fix="put the key in quotes")
            else:
                yield from _unrepresentable(item, join(where, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _unrepresentable(item, join(where, at))
    elif isinstance(value, float) and not math.isfinite(value):
        yield MtlkdError(f"{value} is not a finite number", where=where, fix="give a finite number")
    elif isinstance(value, int) and abs(value) > LARGEST:
        what = f"a whole number of {len(str(abs(value)))} digits is too large"
        yield MtlkdError(what, where=where, fix=f"give one of {LARGEST:,} at most")
    elif value is not None and not isinstance(value, str | int | float | bool):
        yield MtlkdError(
            f"{value!r} is read as a {type(value).__name__}", where=where, fix="put the value in quotes if it is text"
        )


_MISSING = frozenset({"missing", "missing_argument", "missing_keyword_only_argument"})

_WANTED = {
    "bool_type": "true or false",
    "dataclass_type": "a mapping",
    "dict_type": "a mapping",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of {ge} or above",
    "int_type": "an integer",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of {le} or below",
    "list_type": "a list",
    "literal_error": "{expected}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_too_short": "text",
    "string_type": "a string",
    "too_short": "a {field_type} of {min_length} or more",
    "too_long": "a list of {max_length} or fewer",
    "tuple_type": "a list",
}
"""What a value should have been, by pydantic's type of the error."""


def _problems(kind: Any, detail: Any, where: str) -> Iterator[MtlkdError]:
    """What an error of pydantic's says, in a user's words."""
    sort, last = detail["type"], detail["loc"][-1] if detail["loc"] else ""
    if sort in {"unexpected_keyword_argument", "extra_forbidden"}:
        yield unknown_name(str(last), _owner(kind, detail["loc"][:-1]), what="key", where=where)
    elif sort in _MISSING and isinstance(last, int):
        yield MtlkdError(f"item {last + 1} is missing", where=where, fix="add it to the list")
    elif sort in _MISSING:
        yield MtlkdError("missing", where=join(where, str(last)), fix="add this key")
    elif sort == "value_error" and isinstance(detail["ctx"]["error"], RefusedError):
        for problem in detail["ctx"]["error"].problems:
            yield MtlkdError(problem.what, where=_below(where, problem.where), fix=problem.fix)
    elif sort == "value_error":
        yield MtlkdError(str(detail["ctx"]["error"]), where=where, fix="correct the value")
    else:
        shown = json.dumps(detail["input"], default=str)
        yield MtlkdError(f"{shown[:80]} does not fit", where=where, fix=f"give {_wanted(detail)}")


def _wanted(detail: Any) -> str:
    if detail["type"] not in _WANTED:
        return re.sub(r"\ba (?:valid )?(?=[aeiou])", "an ", detail["msg"].replace("Input should be ", ""))
    said = {name: f"{part:g}" if isinstance(part, float) else part for name, part in detail.get("ctx", {}).items()}
    said["field_type"] = "mapping" if said.get("field_type") == "Dictionary" else "list"
    return _WANTED[detail["type"]].format(**said)


def _below(where: str, path: str) -> str:
    return join(where, path) if path else where


def _merge(problems: Iterable[MtlkdError]) -> list[MtlkdError]:
    """One problem, with all its ways out, for a value that fits none of the kinds it may be of."""
    merged: dict[tuple[str, str], MtlkdError] = {}
    for problem in problems:
        key = (problem.where, problem.what)
        if key in merged:
            fix = f"{merged[key].fix}, or {problem.fix.removeprefix('give ')}"
            problem = MtlkdError(problem.what, where=problem.where, fix=fix)  # noqa: PLW2901 - the merged one
        merged[key] = problem
    return list(merged.values())


def _steps(value: Any, location: Iterable[str | int]) -> tuple[str | int, ...]:
    """The parts of pydantic's location that lead through the data (branches of a union do not)."""
    path: list[str | int] = []
    for part in location:
        inside = part in value if isinstance(value, Mapping) else isinstance(value, list) and part in range(len(value))
        if inside:
            path.append(part)
            value = value[part]
    return tuple(path)


def _owner(kind: Any, path: Iterable[str | int]) -> list[str]:
    """Field names of the dataclass that a location leads to."""
    for part in path:
        if is_dataclass(kind) and isinstance(part, str):
            named = {field.name: field.type for field in fields(kind)}
            kind = named.get(part, kind)
        elif not isinstance(part, int) and hasattr(kind, "__args__"):
            kind = kind.__args__[-1]
    for option in (kind, *getattr(kind, "__args__", ())):
        if is_dataclass(option):
            return [field.name for field in fields(option)]
    return []

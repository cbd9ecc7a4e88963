"""From YAML to frozen dataclasses, once, at the door, with every error of a document at its YAML path."""

import difflib
import functools
import json
import math
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from ray_mtlkd.errors import MtlkdError

T = TypeVar("T")

document = with_config(ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
"""Class decorator, above ``@dataclass``: unknown keys and wrong types are errors, nothing is coerced."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2's numbers (``1e-4`` is one) and no duplicate keys."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+0123456789."),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "a key is not text", key.start_mark)
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands here twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        MtlkdError: where the file is missing, not UTF-8 or not YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MtlkdError("no such file", where=str(path), fix="check the path") from error
    except UnicodeDecodeError as error:
        raise MtlkdError(f"byte {error.start} is not UTF-8", where=str(path), fix="save the file as UTF-8") from error
    except OSError as error:
        raise MtlkdError(f"cannot be read ({error.strerror})", where=str(path), fix="give a readable file") from error
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        raise MtlkdError(f"not YAML ({error.problem})", where=f"{path}{line}", fix="correct this line") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MtlkdError(f"not YAML ({error})", where=str(path), fix="correct the file") from error


def decode(kind: type[T], value: Any, *, where: str) -> T:
    """``value`` (plain YAML data) as a ``kind``.

    Raises:
        MtlkdError: the only error.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    problems: list[MtlkdError] = list(_unrepresentable(value, where))
    if not problems:
        try:
            decoded: T = _adapter(cast(Any, kind)).validate_json(json.dumps(value))  # mypy: a class is hashable
        except ValidationError as error:
            problems = _merge(_problem(kind, value, detail, where) for detail in error.errors(include_url=False))
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


def join(where: str, *parts: str | int) -> str:
    """A YAML path: ``join("tasks", "atis", 0)`` is ``tasks.atis[0]``."""
    for part in parts:
        if isinstance(part, int):
            where += f"[{part}]"
        else:
            where += f".{part}" if where else part
    return where


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    """Building one takes milliseconds, and every trial decodes its configuration."""
    return TypeAdapter(kind)


def _unrepresentable(value: Any, where: str) -> Iterable[MtlkdError]:
    """Values that YAML knows and JSON does not."""
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
    elif value is not None and not isinstance(value, str | int | float | bool):
        yield MtlkdError(
            f"{value!r} is read as a {type(value).__name__}", where=where, fix="put the value in quotes if it is text"
        )


def _problem(kind: Any, value: Any, detail: Any, where: str) -> MtlkdError:
    path = [part for part in detail["loc"] if _is_step(value, part)]
    at = join(where, *(path or []))
    if detail["type"] in {"unexpected_keyword_argument", "extra_forbidden"}:
        key = str(detail["loc"][-1])
        owner = _owner(kind, detail["loc"][:-1])
        return unknown_name(key, owner, what="key", where=at)
    if detail["type"] in {"missing", "missing_argument", "missing_keyword_only_argument"}:
        last = detail["loc"][-1]
        if isinstance(last, int):
            return MtlkdError(f"item {last + 1} is missing", where=join(where, *path[:-1]), fix="add it to the list")
        return MtlkdError("missing", where=join(at, str(last)), fix="add this key")
    if detail["type"] == "value_error":
        return MtlkdError(str(detail["ctx"]["error"]), where=at, fix="correct the value")
    said = re.sub(r"\ba (?:valid )?(?=[aeiou])", "an ", detail["msg"].replace("Input should be ", ""))
    said = said.replace("a valid ", "a ").replace("an array", "a list").replace("an object", "a mapping")
    shown = json.dumps(detail["input"], default=str)
    return MtlkdError(f"{shown[:80]} does not fit", where=at, fix=f"give {said}")


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


def _is_step(value: Any, part: str | int) -> bool:
    """Whether a part of pydantic's location is a step in the document (union branches are not)."""
    return isinstance(part, int) or (isinstance(part, str) and _holds(value, part))


def _holds(value: Any, key: str) -> bool:
    if isinstance(value, dict):
        return key in value or any(_holds(item, key) for item in value.values())
    if isinstance(value, list):
        return any(_holds(item, key) for item in value)
    return False


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

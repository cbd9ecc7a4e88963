"""What the fields of documents take, in words: read off their types, ranges and docstrings, for tables and pages."""

import inspect
import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, Field, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MultipleOf

_WORDS: Mapping[Any, str] = {bool: "`true` or `false`", str: "a text", Any: "as its own keys say"}


def idea_of(kind: type[Any]) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def attributes_of(kind: type[Any]) -> dict[str, str]:
    """What the docstrings of a class and those that it is made of say of each attribute, on one line."""
    said: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        _, _, section = (inspect.getdoc(each) or "").partition("\nAttributes:\n")
        said |= re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in said.items()}


def default_of(field: "Field[Any]") -> str | None:
    """What a field is unless told, as YAML; None where it must be told, or has keys with defaults of their own."""
    if field.default_factory is not MISSING:
        made = field.default_factory()
        return None if is_dataclass(made) else json.dumps(made)
    if field.default is MISSING or is_dataclass(field.default):
        return None
    return field.default if isinstance(field.default, str) else json.dumps(field.default)


def values_of(declared: Any) -> str:
    """The values that a type admits: ``in [0, 1)``, ``one of `a`, `b```.

    A text among an annotation's metadata says them where a validator of its own decides. That a field may be left empty
    shows in its default.

    Raises:
        TypeError: for a type that nothing here has words for.
    """
    base, *bounds = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    said = next((bound for bound in bounds if isinstance(bound, str)), None)
    if said is not None:
        return said
    if base in {int, float}:
        return _range(bounds) + (" whole" if base is int else "")
    return _values_of_unbounded(base)


def _values_of_unbounded(base: Any) -> str:
    if get_origin(base) is Literal:
        options = [f"`{option}`" for option in get_args(base)]
        return options[0] if len(options) == 1 else "one of " + ", ".join(options)
    if get_origin(base) in {Union, UnionType}:
        return " or ".join(values_of(option) for option in get_args(base) if option is not NoneType)
    if get_origin(base) in {dict, Mapping}:
        return f"by name, each {values_of(get_args(base)[1])}"
    if get_origin(base) in {tuple, list}:
        return _list(get_args(base))
    if is_dataclass(base):
        return "a mapping with " + ", ".join(f"`{name}`" for name in base.__dataclass_fields__)
    if base in _WORDS:
        return _WORDS[base]
    raise TypeError(base)


def _list(elements: tuple[Any, ...]) -> str:
    each = values_of(elements[0])
    return (
        f"a list, each {each}"
        if len(elements) == 1 or elements[-1] is ...
        else f"a list of {len(elements)}, each {each}"
    )


def _range(bounds: list[Any]) -> str:
    low, high, steps = "(-inf", "inf)", ""
    for bound in bounds:
        match bound:
            case Ge(ge):
                low = f"[{ge:g}"  # type: ignore[str-bytes-safe,unused-ignore]
            case Gt(gt):
                low = f"({gt:g}"  # type: ignore[str-bytes-safe,unused-ignore]
            case Le(le):
                high = f"{le:g}]"  # type: ignore[str-bytes-safe,unused-ignore]
            case Lt(lt):
                high = f"{lt:g})"  # type: ignore[str-bytes-safe,unused-ignore]
            case MultipleOf(step):
                steps = f" a multiple of {step}"
    return f"in {low}, {high}{steps}"

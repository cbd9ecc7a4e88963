"""Frozen dataclasses as rows of Arrow tables and back: a column's type follows from its field's."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

_PLAIN = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def schema_of(*parts: type) -> pa.Schema:
    """A column for each field of these dataclasses, in their order."""
    return pa.schema([(name, arrow_type(kind)) for part in parts for name, kind in hints(part).items()])


@cache
def hints(part: type) -> Mapping[str, Any]:
    """The type of each field of a dataclass, in their order."""
    known = get_type_hints(part)
    return MappingProxyType({column.name: known[column.name] for column in _fields(part)})


def defaults_of(*parts: type) -> dict[str, Any]:
    """What stands in each field of these dataclasses that need not be given."""
    found: dict[str, Any] = {}
    for column in (column for part in parts for column in _fields(part)):
        if column.default is not MISSING:
            found[column.name] = column.default
        elif column.default_factory is not MISSING:
            found[column.name] = column.default_factory()
    return found


def arrow_type(kind: Any) -> pa.DataType:
    """The type of a column whose values are ``kind``.

    Raises:
        TypeError: where a column cannot hold such values.
    """
    kind = without_none(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    if get_origin(kind) is Literal:
        (same,) = {type(value) for value in get_args(kind)}
        return _PLAIN[same]
    if get_origin(kind) is list:
        return pa.list_(arrow_type(get_args(kind)[0]))
    if is_dataclass(kind) and isinstance(kind, type):
        return pa.struct(list(schema_of(kind)))
    raise TypeError(f"no column holds values of type {kind}")


def is_optional(kind: Any) -> bool:
    """Whether None is among the values."""
    return NoneType in get_args(kind)


def without_none(kind: Any) -> Any:
    """``kind`` for ``kind | None``, and anything else as it is."""
    if get_origin(kind) not in {Union, UnionType}:
        return kind
    (rest,) = (option for option in get_args(kind) if option is not NoneType)
    return rest


def to_plain(value: Any) -> Any:
    """A field's value as a table holds it: a dataclass as a mapping, at any depth."""
    if is_dataclass(value):
        return {column.name: to_plain(getattr(value, column.name)) for column in fields(value)}
    return [to_plain(item) for item in value] if isinstance(value, list) else value


def from_plain(kind: Any, value: Any) -> Any:
    """The inverse of `to_plain`, for a field of type ``kind``; what a mapping lacks holds its default."""
    kind = without_none(kind)
    if value is None:
        return None
    if get_origin(kind) is list:
        return [from_plain(get_args(kind)[0], item) for item in value]
    if is_dataclass(kind) and isinstance(kind, type):
        build: Callable[..., Any] = kind
        given = {name: hint for name, hint in hints(kind).items() if name in value}
        return build(**{name: from_plain(hint, value[name]) for name, hint in given.items()})
    return value


def _fields(part: type) -> tuple[Field[Any], ...]:
    return fields(part)

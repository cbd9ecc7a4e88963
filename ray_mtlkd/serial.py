"""What this package writes and reads again, as JSON: checkpoints, trials, kept models, messages to actors.

Values are frozen dataclasses, tuples, frozen sets, mappings by text or whole numbers, numbers, text and None. A float
keeps every bit. JSON has no name for NaN and the infinities: they are written as Python's json does (``NaN``,
``Infinity``, ``-Infinity``) and read again, unless the type that reads them refuses them.
"""

import hashlib
import json
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from ray_mtlkd.decode import adapter, misfits
from ray_mtlkd.errors import MtlkdError

T = TypeVar("T")


def dumps(value: object, *, indent: int | None = None) -> str:
    """A value as JSON.

    Raises:
        TypeError: where it is made of something else than is said above.
    """
    return json.dumps(value, default=_parts, ensure_ascii=False, indent=indent)


def plain(value: object) -> Any:
    """A value as what JSON makes of it: dataclasses become mappings, tuples lists."""
    return json.loads(dumps(value))


def loads(kind: type[T], text: str | bytes, *, where: str, fix: str) -> T:
    """The inverse of `dumps`: nothing is converted, left out or made up.

    Args:
        kind: What was written.
        text: What `dumps` returned.
        where: Names the text in an error.
        fix: What to do where it is not that.

    Raises:
        MtlkdError: saying the first thing that does not fit.
    """
    try:
        # mypy: a class is hashable
        found: T = adapter(cast(Any, kind)).validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        raise MtlkdError(f"not what was written ({_first_misfit(kind, text, error)})", where=where, fix=fix) from error
    return found


def fingerprint(value: object) -> str:
    """A hash that is the same for equal values, in any process [64 hex digits]."""
    return hashlib.sha256(json.dumps(value, default=_parts, sort_keys=True).encode()).hexdigest()


def _first_misfit(kind: type, text: str | bytes, error: ValidationError) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return "no JSON"
    first = misfits(kind, value, error, where="")[0]
    return f"{first.where}: {first.what}" if first.where else first.what


def _parts(value: object) -> object:
    """What json does not know by itself."""
    if is_dataclass(value) and not isinstance(value, type):
        return {part.name: getattr(value, part.name) for part in fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON: {value!r:.80}")

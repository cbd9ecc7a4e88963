"""YAML files as plain data, and changes to them that keep what else is written there."""

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ray_mtlkd.errors import MtlkdError


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema (``no`` and ``007`` are texts, ``1e-4`` is a number), and no duplicate keys."""


_Loader.yaml_implicit_resolvers = {}

_MOST_VALUES = 100_000
"""Of a document, aliases resolved: nobody writes so many, and a few aliases of aliases stand for billions."""


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+", "-+.0123456789"),
    ("float", r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", "-+."),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first))


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
    return parse_yaml(read_text(path), where=str(path))


def read_text(path: Path) -> str:
    """What a text file holds.

    Raises:
        MtlkdError: where the file is missing, cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MtlkdError("no such file", where=str(path), fix="check the path") from error
    except UnicodeDecodeError as error:
        raise MtlkdError(f"byte {error.start} is not UTF-8", where=str(path), fix="save the file as UTF-8") from error
    except OSError as error:
        raise MtlkdError(f"cannot be read ({error.strerror})", where=str(path), fix="give a readable file") from error


def parse_yaml(text: str, *, where: str) -> Any:
    """The document in YAML text; ``where`` names its file.

    Raises:
        MtlkdError: where it is not YAML.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is not None and _values(root, {}) > _MOST_VALUES:
            fix = "write less of it, or fewer aliases (*name) of aliases"
            raise MtlkdError(f"more than {_MOST_VALUES:,} values", where=where, fix=fix)
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        raise MtlkdError(f"not YAML ({error.problem})", where=f"{where}{line}", fix="correct this line") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MtlkdError(f"not YAML ({error})", where=where, fix="correct the file") from error


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values there are, each counted as often as an alias repeats it."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 0  # of what holds itself, which the loader refuses
        parts = (part for item in node.value for part in (item if isinstance(item, tuple) else (item,)))
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]


Steps = tuple[str | int, ...]
"""Keys and places in lists that lead to a value."""


def changed(text: str, changes: Mapping[Steps, str]) -> str:
    """The YAML text of a mapping with other text values in some places, its comments and all else as they were written.

    Where YAML writes such a place in a way that cannot be changed by itself (by an alias, say), what is returned is the
    whole document anew.

    Args:
        text: Is YAML.
        changes: Values by their places; a key of the mapping that is not there is added.
    """
    wanted = copy.deepcopy(yaml.load(text, Loader=_Loader))  # noqa: S506 - _Loader is a SafeLoader
    for steps, value in changes.items():
        _put(wanted, steps, value)
    root: Any = yaml.compose(text, Loader=_Loader)
    edits = sorted(_edit(root, steps, value) for steps, value in changes.items())
    for start, end, written in reversed(edits):
        text = text[:start] + written + text[end:]
    try:
        same = yaml.load(text, Loader=_Loader) == wanted  # noqa: S506
    except yaml.YAMLError:
        same = False
    return text if same else json.dumps(wanted, indent=1, ensure_ascii=False)


def _put(value: Any, steps: Steps, item: str) -> None:
    for step in steps[:-1]:
        value = value[step]
    value[steps[-1]] = item


def _edit(root: yaml.MappingNode, steps: Steps, value: str) -> tuple[int, int, str]:
    """Which letters of a text give way to which, so that a value stands at a place."""
    written = json.dumps(value, ensure_ascii=False)
    node: yaml.Node | None = root
    for step in steps:
        node = _below(node, step)
    if node is not None:
        return node.start_mark.index, node.end_mark.index, written
    first = root.value[0][0].start_mark
    border = ", " if root.flow_style else "\n" + " " * first.column
    return first.index, first.index, f"{steps[0]}: {written}{border}"


def _below(node: yaml.Node | None, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return node.value[step] if isinstance(node, yaml.SequenceNode) else None

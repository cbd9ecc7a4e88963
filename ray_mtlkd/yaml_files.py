"""YAML files as plain data, and changes to them that keep what else is written there."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.yaml_loader import ForeignYamlError, Loader

_MOST_BYTES = 1_000_000
"""Of a file: PyYAML takes a second or two for so many, and nobody writes them."""


def read_yaml(path: Path) -> Any:
    """The document in a YAML file.

    Raises:
        MtlkdError: where the file is missing, not UTF-8 or not YAML.
    """
    return parse_yaml(read_text(path), where=str(path))


def read_text(path: Path) -> str:
    """What a text file holds.

    Raises:
        MtlkdError: where the file is missing, cannot be read, is too large or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise MtlkdError("no such file", where=str(path), fix="check the path") from error
    except OSError as error:
        raise MtlkdError(f"cannot be read ({error.strerror})", where=str(path), fix="give a readable file") from error
    return text_of(content, where=str(path))


def text_of(content: bytes, *, where: str) -> str:
    """The text that the bytes of a file stand for; ``where`` names it.

    Raises:
        MtlkdError: where there are too many, or they are not UTF-8.
    """
    if len(content) > _MOST_BYTES:
        raise MtlkdError(f"more than {_MOST_BYTES / 1e6:g} MB", where=where, fix="write less of it")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise MtlkdError(f"byte {error.start} is not UTF-8", where=where, fix="save the file as UTF-8") from error


def parse_yaml(text: str, *, where: str) -> Any:
    """The document in YAML text; ``where`` names its file.

    Raises:
        MtlkdError: where it is not YAML.
    """
    try:
        return Loader(text).get_single_data()
    except ForeignYamlError as error:
        raise MtlkdError(error.what, where=f"{where}{_line(error)}", fix=error.fix) from error
    except yaml.MarkedYAMLError as error:
        what = f"not YAML ({error.problem})"
        raise MtlkdError(what, where=f"{where}{_line(error)}", fix="correct this line") from error
    except yaml.YAMLError as error:
        raise MtlkdError(f"not YAML ({error})", where=where, fix="correct the file") from error


def _line(error: yaml.MarkedYAMLError) -> str:
    return "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"


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
    wanted = copy.deepcopy(yaml.load(text, Loader=Loader))  # noqa: S506 - Loader is a SafeLoader
    for steps, value in changes.items():
        _put(wanted, steps, value)
    root: Any = yaml.compose(text, Loader=Loader)
    edits = sorted(_edit(root, steps, value) for steps, value in changes.items())
    for start, end, written in reversed(edits):
        text = text[:start] + written + text[end:]
    try:
        same = yaml.load(text, Loader=Loader) == wanted  # noqa: S506
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

"""YAML files as plain data."""

import re
from pathlib import Path
from typing import Any

import yaml

from ray_mtlkd.errors import MtlkdError


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

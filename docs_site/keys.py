"""The page of every key of search spaces and manifests, read off the classes that decode them.

``python -m docs_site.keys`` writes it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ray_mtlkd.described import attributes_of, default_of, idea_of, values_of
from ray_mtlkd.models.encoders import ENCODERS
from ray_mtlkd.models.regularizers import REGULARIZERS
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.setups.csv_format import CsvFormat
from ray_mtlkd.setups.manifest import Columns, SplitRule, TaskSpec
from ray_mtlkd.strategies.curricula import CURRICULA
from ray_mtlkd.sweep.schema import SpaceDocument
from ray_mtlkd.training.settings import Convergence, Distillation, Optimization, Relabelling

PAGE = Path(__file__).parents[1] / "docs" / "keys.md"

_INTRODUCTION = """\
# Every key

Written by `python -m docs_site.keys` from the classes that read these files, and compared with them by a test. After a
key: the values that it takes, and after the semicolon what it is unless told (`null`: nothing); without one, it must be
told. `[` and `]` are within a range, `(` and `)` are not; `whole` is a whole number. In a search space every value
below `encoder`, `sharing`, `regularizers`, `training`, `convergence`, `kd` and `strategies` may be a domain instead
([search spaces](search_spaces.md#domains)).
"""
_SECTIONS: Mapping[str, type[Any]] = {
    "training": Optimization,
    "convergence": Convergence,
    "kd": Distillation,
    "relabel": Relabelling,
    **{
        each.name: each.type
        for each in fields(SpaceDocument)
        if isinstance(each.type, type) and is_dataclass(each.type)
    },
}
_PARTS: Mapping[str, tuple[str, Mapping[str, type[Any]]]] = {
    "encoder": ("A name, or a mapping with `name` and:", ENCODERS),
    "sharing": ("A name, or a mapping with `name` and:", SHARING),
    "regularizers": ("A list of names, or mappings with `name` and:", REGULARIZERS),
    "curriculum": ("Below a strategy: a name, or a mapping with `name` and:", CURRICULA),
}
_INSIDE: Mapping[str, type[Any]] = {"columns": Columns, "split": SplitRule, "csv": CsvFormat}


def page() -> str:
    """The page in Markdown."""
    return "\n".join([_INTRODUCTION, *_search_space(), *_manifest()])


def _search_space() -> Iterator[str]:
    linked = {name: f"#{name}" for name in (*_SECTIONS, *_PARTS)} | {"strategies": "strategies.md"}
    yield "## A search space\n"
    yield from _keys(SpaceDocument, linked=linked)
    yield "Balancers and their settings have [a table of their own](balancers.md).\n"
    for name, kind in _SECTIONS.items():
        yield f"### {name}\n\n{_in_markdown(idea_of(kind))}\n"
        yield from _keys(kind)
    for name, (said, registry) in _PARTS.items():
        yield f"### {name}\n\n{said}\n"
        for part, kind in registry.items():
            yield f"**`{part}`**: {_in_markdown(idea_of(kind))}\n"
            yield from _keys(kind)


def _manifest() -> Iterator[str]:
    yield "## A task of a manifest\n"
    yield from _keys(TaskSpec, linked={name: f"#{name}" for name in _INSIDE})
    for name, kind in _INSIDE.items():
        yield f"### {name}\n\n{_in_markdown(idea_of(kind))}\n"
        yield from _keys(kind)


def _keys(kind: type[Any], *, linked: Mapping[str, str] = MappingProxyType({})) -> Iterator[str]:
    """A line a key, and an empty one, where there is any."""
    said = attributes_of(kind)
    lines = [_line(each, said.get(each.name, ""), section=linked.get(each.name)) for each in fields(kind)]
    if lines:
        yield "\n".join(lines) + "\n"


def _line(field: "Field[Any]", said: str, *, section: str | None) -> str:
    default = default_of(field)
    values = values_of(field.type) if section is None else f"[keys of its own]({section})"
    is_shown = default is not None and (section is None or default not in {"{}", "[]"})
    head = f"- **`{field.name}`** {values}" + (f"; `{default}`" if is_shown else "")
    return head + (f"<br>{_in_markdown(said)}" if said else "")


def _in_markdown(said: str) -> str:
    return re.sub(r"\bNone\b", "`null`", said.replace("``", "`"))


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

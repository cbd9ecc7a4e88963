"""What there is to choose from, read off the classes: the table of `ray-mtlkd strategies` and of the docs."""

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt

from ray_mtlkd.strategies import FAMILIES
from ray_mtlkd.strategies.balancers import OWN_BALANCERS

_INSIDE = ("method", "options")
"""Fields of families: the name says the one, the other is the method's own."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """A balancer as the table shows it.

    Attributes:
        idea: First line of its docstring.
        settings: Each hyper-parameter with its range and what it is unless told.
    """

    name: str
    idea: str
    needs: str
    settings: tuple[str, ...]
    guarantees: tuple[str, ...]
    paper: str | None
    equation: str


def idea_of(kind: type[Any]) -> str:
    """The first line of a class's docstring."""
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def entries() -> Iterator[CatalogueEntry]:
    """This package's balancers, from losses alone to the Gramian."""
    for name, kind in OWN_BALANCERS.items():
        # mypy: the protocol does not say that its classes are dataclasses
        settings = [_setting(each) for each in fields(kind) if each.name not in _INSIDE]  # type: ignore[arg-type]
        yield CatalogueEntry(
            name=f"{name}:METHOD" if name in FAMILIES else name,
            idea=idea_of(kind),
            needs=kind.needs,
            settings=tuple(settings),
            guarantees=kind.facts.guarantees,
            paper=kind.facts.paper,
            equation=kind.facts.equation,
        )


def markdown() -> str:
    """The table in Markdown, one line a balancer."""
    lines = ["| name | idea | needs | settings | promises | from |", "|---|---|---|---|---|---|"]
    for each in entries():
        source = each.equation if each.paper is None else f"{_linked(each.paper)}: {each.equation}"
        cells = (f"`{each.name}`", each.idea, each.needs, "; ".join(each.settings), ", ".join(each.guarantees), source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _linked(paper: str) -> str:
    """Authors and year, which lead to the paper."""
    said, _, where = paper.rpartition(", ")
    address = where.replace("arXiv:", "https://arxiv.org/abs/")
    return f"[{said}]({address})"


def _setting(field: "Field[Any]") -> str:
    """``c in [0, 1), 0.4``."""
    default = "" if field.default is MISSING else f", {field.default}"
    return f"`{field.name}` {_range(field.type)}{default}"


def _range(declared: Any) -> str:
    """The values that a field takes."""
    if get_origin(declared) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(declared))
    if get_origin(declared) in {Union, UnionType}:
        return " or ".join(map(_range, get_args(declared)))
    if get_origin(declared) is Annotated and get_origin(get_args(declared)[0]) is dict:
        return f"by name, each {_range(get_args(get_args(declared)[0])[1])}"
    if get_origin(declared) is tuple:
        return f"a list, each {_range(get_args(declared)[0])}"
    base, *bounds = get_args(declared) if get_origin(declared) is Annotated else (declared,)
    low, high = "(-inf", "inf)"
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
    return f"in {low}, {high}" + (" whole" if base is int else "")

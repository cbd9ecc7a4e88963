"""What there is to choose from, read off the classes: the table of `ray-mtlkd strategies` and of the docs."""

from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Any

from ray_mtlkd.described import default_of, idea_of, values_of
from ray_mtlkd.strategies import FAMILIES
from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.step_costs import StepCosts

_INSIDE = ("method", "options")
"""Fields of families: the name says the one, the other is the method's own."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """A balancer as the table shows it.

    Attributes:
        idea: First line of its docstring.
        step: What a step costs beside that of ``sum``, as `StepCosts.of` tells it.
        settings: Each hyper-parameter with its range and what it is unless told.
    """

    name: str
    idea: str
    needs: str
    step: tuple[str, ...]
    settings: tuple[str, ...]
    guarantees: tuple[str, ...]
    paper: str | None
    equation: str


def entries(costs: StepCosts) -> Iterator[CatalogueEntry]:
    """This package's balancers, from losses alone to the Gramian, with what their steps were measured to cost."""
    for name, kind in OWN_BALANCERS.items():
        # mypy: the protocol does not say that its classes are dataclasses
        settings = [_setting(each) for each in fields(kind) if each.name not in _INSIDE]  # type: ignore[arg-type]
        yield CatalogueEntry(
            name=f"{name}:METHOD" if name in FAMILIES else name,
            idea=idea_of(kind),
            needs=kind.needs,
            step=costs.of(name),
            settings=tuple(settings),
            guarantees=kind.facts.guarantees,
            paper=kind.facts.paper,
            equation=kind.facts.equation,
        )


def markdown(costs: StepCosts) -> str:
    """The table in Markdown, one line a balancer, and below it how steps were measured."""
    lines = ["| name | idea | needs | step | settings | promises | from |", "|---|---|---|---|---|---|---|"]
    for each in entries(costs):
        source = each.equation if each.paper is None else f"{_linked(each.paper)}: {each.equation}"
        lists = ("; ".join(each.step), "; ".join(each.settings), ", ".join(each.guarantees))
        cells = (f"`{each.name}`", each.idea, each.needs, *lists, source)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, "", f"Steps: {costs.measured}."]) + "\n"


def _linked(paper: str) -> str:
    """Authors and year, which lead to the paper."""
    said, _, where = paper.rpartition(", ")
    address = where.replace("arXiv:", "https://arxiv.org/abs/")
    return f"[{said}]({address})"


def _setting(field: "Field[Any]") -> str:
    """``c in [0, 1), 0.4``."""
    default = default_of(field)
    return f"`{field.name}` {values_of(field.type)}" + ("" if default is None else f", {default}")

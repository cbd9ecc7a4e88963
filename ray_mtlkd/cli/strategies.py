"""`ray-mtlkd strategies`: what there is to choose from."""

import inspect
from typing import Annotated

import typer
from rich.table import Table

from ray_mtlkd.console.plain import open_console

EXAMPLE = "Example: `ray-mtlkd strategies cagrad`"


def strategies(
    name: Annotated[
        str | None, typer.Argument(help="A balancer or curriculum, whose paper, formula and settings are shown.")
    ] = None,
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the balancers as a Markdown table.")] = False,
) -> None:
    """List curricula and balancers: what each does, reads and promises, its settings, and where it is from.

    A strategy is a curriculum times a balancer; a balancer's name alone is the pair with `joint`.
    """
    from ray_mtlkd.cli.step_costs import step_costs
    from ray_mtlkd.decode import unknown_name
    from ray_mtlkd.described import idea_of
    from ray_mtlkd.strategies import BALANCERS, CURRICULA, catalogue

    console, costs = open_console(), step_costs()
    if markdown:
        console.print(catalogue.markdown(costs), soft_wrap=True, end="")
        return
    if name is not None:
        known = {**CURRICULA, **BALANCERS}
        if name not in known:
            raise unknown_name(name, known, what="strategy", where="NAME")
        console.print(f"{name}: {inspect.getdoc(known[name])}", soft_wrap=True)
        return
    table = Table(title="curricula: when each task trains, and on which targets", title_justify="left")
    for column in ("name", "what it does", "role"):
        table.add_column(column, no_wrap=column == "name")
    for own, kind in CURRICULA.items():
        table.add_row(own, idea_of(kind), kind.role)
    console.print(table)
    table = Table(title="balancers: how the losses of one step become one update", title_justify="left")
    for column in ("name", "what it does", "needs", "step", "settings", "promises", "from"):
        table.add_column(column, overflow="fold", no_wrap=column in {"name", "needs", "step"})
    for each in catalogue.entries(costs):
        settings = "\n".join(setting.replace("`", "") for setting in each.settings)
        source = "\n".join(part for part in (each.paper, each.equation) if part is not None)
        step, promises = "\n".join(each.step), "\n".join(each.guarantees)
        table.add_row(each.name, each.idea, each.needs, step, settings, promises, source)
    console.print(table)
    console.print(f"step: its time over that of sum, tasks with rows of their own / shared rows; {costs.measured}")

"""`ray-mtlkd init`: a manifest and a search space for tables that nobody has described yet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.shell import command

if TYPE_CHECKING:
    from ray_mtlkd.setups.proposal import Proposal

EXAMPLE = "Example: `ray-mtlkd init tables/ --minutes 30`"

_APART = (
    "tables with and without texts are a setup each; `encoder: {name: mixed, …}` takes both in one (docs/tables.md)"
)


def init(
    folder: Annotated[
        Path, typer.Argument(help="Holds one file a task, or a folder a task with train, valid and test.")
    ],
    *,
    name: Annotated[str | None, typer.Option(help="Of the setup [default: the folder's].", show_default=False)] = None,
    minutes: Annotated[float, typer.Option(min=1, help="About how long the sweep may take on this machine.")] = 30.0,
) -> None:
    """Guess what tasks a folder's tables are, and write a manifest and a search space into it that `check` takes.

    Every guess stands beside its key with its reason. What cannot be a task is told and left out. Nothing is replaced.
    """
    from ray_mtlkd.setups.proposal import manifest_text, propose
    from ray_mtlkd.sweep.proposal import propose_space

    console = open_console()
    proposals, problems = propose(folder, name=name)
    raise_all(str(folder), [problem for each in proposals for problem in _in_the_way(each, folder)])
    for problem in problems:
        console.print(f"left out: {problem}", style="yellow", soft_wrap=True)
    if len(proposals) > 1:
        console.print(_APART, soft_wrap=True)
    for each in proposals:
        manifest, space = _places(each, folder)
        manifest.write_text(manifest_text(each.name, each.tasks), encoding="utf-8")
        made = propose_space(each, manifest.name, beside=space, minutes=minutes)
        space.write_text(made.text, encoding="utf-8")
        console.print(f"{manifest}: {_said(each)}", soft_wrap=True)
        if len(each.tasks) == 1:
            alone = "one task alone: nothing is shared; a sweep compares settings, and distilling from the task's peak"
            console.print(alone, style="yellow", soft_wrap=True)
        console.print(f"{space}: a first sweep, {made.said}", soft_wrap=True)
        for verb in (("setups", "describe", manifest), ("check", space), ("sweep", space)):
            console.print(f"  {command('ray-mtlkd', *verb)}", soft_wrap=True)


def _said(proposal: "Proposal") -> str:
    return ", ".join(f"{task.name} ({task.kind}: {task.keys['label'][0]})" for task in proposal.tasks)


def _places(proposal: "Proposal", folder: Path) -> tuple[Path, Path]:
    """Of the manifest and the search space."""
    return folder / f"{proposal.name}.yaml", folder / f"{proposal.name}_sweep.yaml"


def _in_the_way(proposal: "Proposal", folder: Path) -> list[MtlkdError]:
    fix = "move it away, or give the setup another --name"
    return [
        MtlkdError("is there already", where=str(path), fix=fix) for path in _places(proposal, folder) if path.exists()
    ]

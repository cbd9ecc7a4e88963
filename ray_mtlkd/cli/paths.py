"""Paths that several verbs take."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with the tables of the catalogue's setups.", envvar="MTLKD_DATA", show_default=False),
]
CodeDir = Annotated[
    Path | None,
    typer.Option(
        "--code", help="Folder of your own modules, for what is named module:Name.", metavar="DIR", show_default=False
    ),
]
KeptModel = Annotated[
    str,
    typer.Argument(help="A kept model: a sweep's models/TRIAL, or models/best/SETUP.", show_default=False),
]
SpaceFile = Annotated[Path, typer.Argument(help="A search space, e.g. search_spaces/quickstart.yaml.")]


def code_path(code: Path | None) -> str | None:
    """The folder of the user's own modules, which can be imported from now on; None where there is none."""
    from ray_mtlkd.registry import import_from

    return None if code is None else import_from(code)

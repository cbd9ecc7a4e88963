"""Paths that several verbs take."""

import os
from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder with the tables of the catalogue's setups.", envvar="MTLKD_DATA", show_default=False),
]
SpaceFile = Annotated[Path, typer.Argument(help="A search space, e.g. search_spaces/quickstart.yaml.")]


def absolute(target: str) -> str:
    """A local path made absolute, since workers run elsewhere; a URI as it is."""
    return target if "://" in target else os.path.abspath(target)  # noqa: PTH100 - resolve() would follow links

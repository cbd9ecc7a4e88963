"""Options that several verbs have."""

from typing import Annotated

import typer

AllowUnseen = Annotated[
    float,
    typer.Option(min=0, max=1, help="Share of a column's categories that may be new to the model.", metavar="SHARE"),
]
CsvEncoding = Annotated[
    str | None,
    typer.Option(help="Of CSV files, e.g. cp1252. [default: utf-8]", metavar="NAME", show_default=False),
]

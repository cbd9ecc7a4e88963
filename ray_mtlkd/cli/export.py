"""`ray-mtlkd export`: a kept model for whoever has Hugging Face's libraries alone."""

from pathlib import Path
from typing import Annotated

import typer

from ray_mtlkd.cli.streams import open_console

EXAMPLE = "Example: `ray-mtlkd export runs/one/models/TRIAL --out shipped`"


def export(
    model: Annotated[str, typer.Argument(help="A sweep's models/TRIAL, whose encoder is hf.")],
    out: Annotated[Path, typer.Option(help="Folder to write.", metavar="DIR", show_default=False)],
) -> None:
    """Write a kept model's encoder and tokenizer as a Hugging Face folder, with the tasks' heads beside them.

    Low-rank matrices are added to the weights that they belong to. docs/pretrained.md has a program that reads it.
    """
    from ray_mtlkd.predict.export import export as write
    from ray_mtlkd.predict.model_folder import load_model

    kept = load_model(model)
    write(kept, out)
    open_console().print(f"{out}: encoder, tokenizer, and the heads of {', '.join(task.name for task in kept.tasks)}")

"""`ray-mtlkd export`: a kept model for programs that know nothing of this package."""

from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.options import CsvEncoding
from ray_mtlkd.cli.paths import KeptModel
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError

if TYPE_CHECKING:
    from ray_mtlkd.predict.graph import GraphFormat

EXAMPLE = "Example: `ray-mtlkd export runs/one/models/TRIAL --out shipped`"


class ExportFormat(StrEnum):
    """What can be written."""

    HF = "hf"
    ONNX = "onnx"
    TORCH = "torch"


def export(
    model: KeptModel,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write.", metavar="DIR", show_default=False)],
    form: Annotated[
        ExportFormat,
        typer.Option("--format", help="A Hugging Face folder, or a graph a task: ONNX, or PyTorch's own (.pt2)."),
    ] = ExportFormat.HF,
    data: Annotated[
        Path | None,
        typer.Option(help="Rows that graphs are made from and checked on, as for `predict`.", show_default=False),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(help="Of graphs; several may be given. [default: all of the model's]", show_default=False),
    ] = None,
    encoding: CsvEncoding = None,
) -> None:
    """Write a kept model for programs that know nothing of this package.

    As `hf`, an encoder of this name and its tokenizer as a Hugging Face folder, with the tasks' heads beside them;
    low-rank matrices are added to the weights that they belong to. docs/pretrained.md has a program that reads it.

    As `onnx` or `torch`, the network of each task from its features to its raw outputs, compared with the model on your
    rows; graphs.json says what goes in. Encoders mlp and bag become both, cnn `torch` alone.
    """
    from ray_mtlkd.predict.export import export as write
    from ray_mtlkd.predict.model_folder import load_model

    console = open_console()
    if form == ExportFormat.HF:
        kept = load_model(model)
        write(kept, out)
        console.print(f"{out}: encoder, tokenizer, and the heads of {', '.join(known.name for known in kept.tasks)}")
        return
    if data is None:
        raise MtlkdError("no rows to check it on", where=f"--format {form}", fix="give some with --data")
    if form == ExportFormat.ONNX and not all(map(find_spec, ("onnx", "onnxscript", "onnxruntime"))):
        raise MtlkdError("ONNX is not installed", where="--format onnx", fix="pip install 'ray-mtlkd[onnx]'")
    graphs: GraphFormat = "onnx" if form == ExportFormat.ONNX else "torch"
    _export_graphs(model, data, out, form=graphs, tasks=task, encoding=encoding, console=console)


def _export_graphs(
    model: str,
    data: Path,
    out: Path,
    *,
    form: "GraphFormat",
    tasks: list[str] | None,
    encoding: str | None,
    console: Console,
) -> None:
    from ray_mtlkd.predict.files import read_tables
    from ray_mtlkd.predict.frames import requests_of
    from ray_mtlkd.predict.graph import export_graphs
    from ray_mtlkd.predict.model_folder import load_model

    kept = load_model(model)
    requests = requests_of(kept, tasks or [known.name for known in kept.tasks])
    tables, _, _ = read_tables(data, requests, encoding=encoding)
    for name, apart in export_graphs(kept, tables, out, form=form, where=str(data)).items():
        console.print(f"{name}: at most {apart:.1g} from the model's outputs", soft_wrap=True)
    console.print(f"graphs of {', '.join(requests)} and graphs.json \N{RIGHTWARDS ARROW} {out}", soft_wrap=True)

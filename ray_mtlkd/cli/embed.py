"""`ray-mtlkd embed`: a pretrained encoder makes vectors of the texts of a Parquet data set of any size."""

from typing import TYPE_CHECKING, Annotated

import typer

from ray_mtlkd.cli.parts import ActorCount, GpusPerActor, PoolOptions, Quiet, RowsPerPart, Wait, do_parts
from ray_mtlkd.cli.streams import lasting
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    from ray_mtlkd.data.features import Pooling
    from ray_mtlkd.setups.features.text import TextColumns

EXAMPLE = "Example: `ray-mtlkd embed --encoder minilm/ --data products/ --text title --out vectors/`"


@lasting()
def embed(
    *,
    encoder: Annotated[
        str,
        typer.Option(
            help="Folder with config.json, tokenizer.json and model.safetensors.", metavar="DIR", show_default=False
        ),
    ],
    data: Annotated[
        str, typer.Option(help="Parquet files: a folder, or a pattern in quotes.", metavar="DIR", show_default=False)
    ],
    out: Annotated[str, typer.Option(help="Folder or URI of the output.", metavar="DIR", show_default=False)],
    text: Annotated[
        list[str] | None,
        typer.Option(help="Column of texts; several are one text.", metavar="COLUMN", show_default=False),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option(help="Column of lists of words: each word has a vector.", metavar="COLUMN", show_default=False),
    ] = None,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(help="Two columns of texts, which are one sequence.", metavar="A B", show_default=False),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Name of the new column. [default: vector, or token_vectors].", show_default=False),
    ] = None,
    pooling: Annotated[str, typer.Option(help="mean of a text's pieces, or the first one: cls.")] = "mean",
    max_length: Annotated[int, typer.Option(help="Pieces kept of a row.", min=1)] = 128,
    float16: Annotated[bool, typer.Option("--float16", help="Half the room, three digits.")] = False,
    rows_per_part: RowsPerPart = 8192,
    actors: ActorCount = None,
    gpus_per_actor: GpusPerActor = 0.0,
    wait: Wait = 60.0,
    quiet: Quiet = False,
) -> None:
    """Add a column of vectors to a Parquet data set, on this machine or the Ray cluster at RAY_ADDRESS.

    All columns and the order of the rows stay. The output has one file a part, and a manifest. After an interruption,
    the same command goes on; the vectors are the same bits in the end.
    """
    with importing():
        from ray_mtlkd.predict.dataset.embedding import VectorSettings, plan
        from ray_mtlkd.storage import absolute

    of = _columns(text=tuple(text or ()), tokens=tokens, pair=pair)
    settings = VectorSettings(
        of=of,
        column=column or ("token_vectors" if of.sort == "tokens" else "vector"),
        pooling=_pooling(pooling),
        max_length=max_length,
        dtype="float16" if float16 else "float32",
    )
    options = PoolOptions(actors=actors, gpus=gpus_per_actor, wait_s=wait)
    console = open_console(quiet=quiet)
    work = plan(encoder=encoder, data=absolute(data), out=absolute(out), settings=settings, rows_per_part=rows_per_part)
    do_parts(work, options, made=f"{settings.column} by encoder {work.layout.common['encoder'][:12]}", console=console)


def _columns(*, text: tuple[str, ...], tokens: str | None, pair: tuple[str, str] | None) -> "TextColumns":
    """The columns that are read.

    Raises:
        MtlkdError: unless exactly one sort is named.
    """
    from ray_mtlkd.setups.features.text import TextColumns

    named = [
        *([TextColumns(text, "text", is_pair=False)] if text else []),
        *([TextColumns((tokens,), "tokens", is_pair=False)] if tokens else []),
        *([TextColumns(pair, "text", is_pair=True)] if pair else []),
    ]
    if len(named) != 1:
        what = "several are given" if named else "none is given"
        raise MtlkdError(what, where="--text, --tokens, --pair", fix="name the columns that are read by one of them")
    return named[0]


def _pooling(name: str) -> "Pooling":
    known: dict[str, Pooling] = {"mean": "mean", "cls": "cls"}
    if name not in known:
        raise MtlkdError(f"{name!r} is not known", where="--pooling", fix=f"use one of: {', '.join(known)}")
    return known[name]

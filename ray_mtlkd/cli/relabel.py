"""`ray-mtlkd relabel`: a kept model predicts a Parquet data set of any size."""

from typing import TYPE_CHECKING, Annotated

import typer

from ray_mtlkd.cli.options import AllowUnseen
from ray_mtlkd.cli.parts import ActorCount, GpusPerActor, PoolOptions, Quiet, RowsPerPart, Wait, do_parts
from ray_mtlkd.cli.paths import CodeDir, KeptModel, code_path
from ray_mtlkd.cli.streams import lasting
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    from ray_mtlkd.predict.dataset.labels import Precision, Settings, Values

EXAMPLE = (
    "Example: `ray-mtlkd relabel runs/first/models/similar-joint_kd-c0-s1 --task large --data events/ --out labels/`"
)


@lasting()
def relabel(
    model: KeptModel,
    *,
    task: Annotated[str, typer.Option(help="Whose head predicts.", show_default=False)],
    data: Annotated[
        str, typer.Option(help="Parquet files: a folder, or a pattern in quotes.", metavar="DIR", show_default=False)
    ],
    out: Annotated[str, typer.Option(help="Folder or URI of the labels.", metavar="DIR", show_default=False)],
    values: Annotated[str, typer.Option(help="logits or probabilities.")] = "logits",
    dtype: Annotated[str, typer.Option(help="float32 or float16.")] = "float32",
    top_k: Annotated[
        int | None, typer.Option(help="Store only the K most likely classes.", metavar="K", show_default=False)
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(help="Column to copy; several may be given.", show_default=False)
    ] = None,
    rows_per_part: RowsPerPart = 100_000,
    allow_unseen: AllowUnseen = 0.5,
    actors: ActorCount = None,
    gpus_per_actor: GpusPerActor = 0.0,
    wait: Wait = 60.0,
    code: CodeDir = None,
    quiet: Quiet = False,
) -> None:
    """Label every row of a Parquet data set by a trained model, on this machine or the Ray cluster at RAY_ADDRESS.

    The columns that the model reads are as in its setup. The output has one file a part, in the order of the rows, and
    a manifest. After an interruption, the same command goes on; the labels are the same bits in the end.
    """
    with importing():
        from ray_mtlkd.predict.dataset.labelling import plan
        from ray_mtlkd.storage import absolute

    own = code_path(code)
    console = open_console(quiet=quiet)
    settings = _settings(task, values=values, dtype=dtype, top_k=top_k, key=tuple(key or ()))
    options = PoolOptions(actors=actors, gpus=gpus_per_actor, wait_s=wait, code=own)
    work = plan(
        model=absolute(model),
        data=absolute(data),
        out=absolute(out),
        settings=settings,
        rows_per_part=rows_per_part,
        allow_unseen=allow_unseen,
    )
    made = f"labels of {task} by teacher {work.layout.common['teacher'][:12]}"
    do_parts(work, options, made=made, console=console)


def _settings(task: str, *, values: str, dtype: str, top_k: int | None, key: tuple[str, ...]) -> "Settings":
    from ray_mtlkd.predict.dataset.labels import Settings

    known: tuple[Values, ...] = ("logits", "probabilities")
    types: tuple[Precision, ...] = ("float32", "float16")
    if values not in known:
        raise MtlkdError(f"{values!r} is not known", where="--values", fix=f"use one of: {', '.join(known)}")
    if dtype not in types:
        raise MtlkdError(f"{dtype!r} is not known", where="--dtype", fix=f"use one of: {', '.join(types)}")
    return Settings(task=task, values=known[known.index(values)], dtype=types[types.index(dtype)], top_k=top_k, key=key)

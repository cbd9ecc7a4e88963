"""`ray-mtlkd group`: which tasks belong together in one model, and what splitting them is worth."""

from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from ray_mtlkd.cli.leaving import end_at_once
from ray_mtlkd.cli.paths import CodeDir, DataDir, code_path
from ray_mtlkd.cli.stops import stoppable
from ray_mtlkd.cli.streams import lasting
from ray_mtlkd.cluster.address import WAIT_S
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing
from ray_mtlkd.sweep.display import SweepDisplay

EXAMPLE = "Example: `ray-mtlkd group similar --models 2 --space search_spaces/quickstart.yaml --out runs/split`"


@lasting()
def group(
    setup: Annotated[str, typer.Argument(help="A setup's name, or the path of a manifest.")],
    *,
    models: Annotated[int, typer.Option(help="Most models that the tasks are split into.", min=2)] = 2,
    by: Annotated[
        Literal["trials", "affinity"],
        typer.Option(help="Train pairs and all but one task, or all tasks once, watched by the affinity of gradients."),
    ] = "trials",
    space: Annotated[
        Path | None,
        typer.Option(help="A search space, whose encoder, training and resources are taken.", show_default=False),
    ] = None,
    encoder: Annotated[str, typer.Option(help="Without --space: the encoder, as it is unless told.")] = "mlp",
    search_seeds: Annotated[int, typer.Option(help="Seeds of the search.", min=1)] = 2,
    seeds: Annotated[int, typer.Option(help="Fresh seeds on which the split is measured.", min=2)] = 5,
    out: Annotated[str, typer.Option(help="Folder or URI to write to, or to go on in.")] = "runs/group",
    data_dir: DataDir = None,
    code: CodeDir = None,
    wait: Annotated[float, typer.Option(help="Seconds that Ray may take to answer.", min=1)] = WAIT_S,
) -> None:
    """Search the split of a setup's tasks into models that is best on validation, and measure it on fresh seeds.

    Two sweeps: the search trains all tasks together, each alone, every pair and all but each one, and estimates other
    groups by their pairs; then the proposed split, one model, and one a task train on fresh seeds. All have the same
    budget of task batches. The same command goes on where it was interrupted.
    """
    own = code_path(code)
    console = open_console()

    def end(problem: MtlkdError) -> NoReturn:
        fix = f"start the cluster again: the same command goes on in {out}"
        end_at_once(MtlkdError(problem.what, where=problem.where, fix=fix))

    with stoppable(lambda: console.print(f"stopped; the same command goes on in {out}", soft_wrap=True)) as stop:
        with importing():
            from ray_mtlkd.cluster.connection import connect
            from ray_mtlkd.grouping.run import GroupRequest, group_tasks

        request = GroupRequest(
            setup=setup,
            out=out,
            models=models,
            by=by,
            space=space,
            encoder=encoder,
            search_seeds=search_seeds,
            seeds=seeds,
            data_dir=data_dir,
        )
        with connect(code=own, wait_s=wait, on_lost=end) as cluster, stop.told():
            found = group_tasks(cluster, request, listen=lambda: SweepDisplay(console))
    console.print(found.said, soft_wrap=True)
    console.print(f"report:      {found.report}", soft_wrap=True)

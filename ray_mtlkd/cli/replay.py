"""`ray-mtlkd replay`: the strategy of fixed weights that a finished trial's mean weights make."""

from typing import Annotated

import typer

from ray_mtlkd.console.plain import open_console

EXAMPLE = "Example: `ray-mtlkd replay runs/first TRIAL >> replay.yaml`"


def replay(
    results: Annotated[str, typer.Argument(help="A sweep's directory, or a Parquet file or folder of records.")],
    trial: Annotated[str, typer.Argument(help="A trial that ran to its end, as records and models/ name it.")],
) -> None:
    """Print a trial's mean weights as a strategy for a search space: a control for the balancer that found them.

    Where these weights, held still, do as well, the balancer found good constants and nothing else. The line stands for
    itself: the sweep that it came from is not read again.
    """
    from ray_mtlkd.report.replay import mean_weights
    from ray_mtlkd.setups.proposal import plain

    found = mean_weights([results], trial)
    weights = ", ".join(f"{plain(task)}: {weight:.6g}" for task, weight in zip(found.tasks, found.weights, strict=True))
    console = open_console()
    console.print(f"# setup {found.setup}, trial {found.trial}", soft_wrap=True)
    label = f"replay of {found.strategy}"
    console.print(f'- {{name: static, label: "{label}", balancer: {{weights: {{{weights}}}}}}}', soft_wrap=True)

"""`ray-mtlkd check`: is this search space sound, and what would it run?"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from ray_mtlkd.cli.paths import CodeDir, DataDir, SpaceFile, code_path
from ray_mtlkd.console.live import duration
from ray_mtlkd.console.plain import open_console

if TYPE_CHECKING:
    from ray_mtlkd.sweep.distillable import Distillable
    from ray_mtlkd.sweep.prepare import Prepared

EXAMPLE = "Example: `ray-mtlkd check search_spaces/quickstart.yaml`"


def check(space: SpaceFile, data_dir: DataDir = None, code: CodeDir = None) -> None:
    """Validate a search space and its tables without starting Ray, and say what a sweep would run.

    Every error is printed with its place and its fix; the exit code is 2 then.
    """
    from ray_mtlkd import prepare, read_space
    from ray_mtlkd.sweep.distillable import distillable
    from ray_mtlkd.sweep.foresight import shared_encoders
    from ray_mtlkd.sweep.machine import check_gpus
    from ray_mtlkd.sweep.trackers.tracking import check_installed

    code_path(code)
    console = open_console()
    prepared = prepare(read_space(space), data_dir=data_dir, compute=False)
    for warning in (*prepared.warnings, *_too_few_cpus(prepared)):
        console.print(f"warning: {warning}", style="yellow")
    check_gpus(prepared)
    check_installed(prepared.space.tracking)
    console.print(_planned(prepared))
    for said in shared_encoders(prepared.tables.values()):
        console.print(said)
    rows = _rows(distillable(prepared))
    if rows.row_count:
        console.print(rows)
    for said in (*_cost(prepared), *_states(prepared), *_predictions(prepared)):
        console.print(said)
    _tell_disk(prepared, console)
    for said in _classical(prepared, lambda line: console.print(line, style="yellow")):
        console.print(said)


def _too_few_cpus(prepared: "Prepared") -> Iterator[str]:
    """What no trial could be given here; a cluster may have more."""
    cpus = prepared.space.resources.cpus
    if cpus > (os.cpu_count() or 1) and not os.environ.get("RAY_ADDRESS"):
        yield f"resources.cpus: a trial asks for {cpus} CPUs, more than this machine has"


def _planned(prepared: "Prepared") -> Table:
    """The trials of each setup."""
    plan, space = prepared.plan, prepared.space
    table = Table(title=f"{space.name}: what would run", title_justify="left")
    for column in ("setup", "strategies", "configurations", "replicated", "seeds", "trials"):
        table.add_column(column, justify="left" if column == "setup" else "right")
    for setup in dict.fromkeys(setup for setup, _ in plan.groups):
        strategies = sum(group[0] == setup for group in plan.groups)
        trials = plan.size // len(plan.groups) * strategies
        counts = (strategies, space.search.configurations, plan.chosen, len(space.replicate.seeds), trials)
        table.add_row(setup, *map(str, counts))
    return table


def _cost(prepared: "Prepared") -> Iterator[str]:
    """What all trials take at most."""
    from ray_mtlkd.sweep.cost import estimate

    cost = estimate(prepared)
    of = "" if cost.measured == cost.pairs else f" of {cost.measured} of {cost.pairs} pairs of setup and strategy"
    yield (
        f"{cost.trials} trials, at most {cost.steps:,} steps of all tasks ({cost.task_batches:,} task batches), about "
        f"{duration(cost.cpu_s)} of one core (measured on a few steps{of} here; divide by the cores that the "
        "trials get; to start Ray and trials comes on top)"
    )


def _predictions(prepared: "Prepared") -> Iterator[str]:
    """What predictions of rows take, where they are kept."""
    from ray_mtlkd.sweep.predictions import size_of

    if prepared.space.resources.keep_predictions:
        size = size_of(prepared)
        yield (
            f"predictions of validation and test rows: {size.files} files, at most {size.bytes / 1e6:,.1f} MB before "
            "they are compressed (`resources: {keep_predictions: false}` leaves them out)"
        )


def _tell_disk(prepared: "Prepared", console: Console) -> None:
    """What a sweep takes of a disk, and whether this folder's has it."""
    from ray_mtlkd.sweep.machine import disk_needs

    needs, free = disk_needs(prepared), shutil.disk_usage(Path.cwd()).free
    parts = {
        f"models (`keep_models: {prepared.space.resources.keep_models}`)": needs.models,
        "predictions": needs.predictions,
        "checkpoints while trials run": needs.checkpoints,
        "states in the cache": needs.states,
    }
    said = ", ".join(f"{what} {_size(count)}" for what, count in parts.items() if count)
    console.print(f"on disk about {_size(needs.total)}: {said}")
    if needs.total > free:
        console.print(f"warning: the disk of this folder has {_size(free)} left", style="yellow")


def _size(count: int) -> str:
    """``12.3 MB``, ``4.5 GB``."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"  # noqa: PLR2004 - a gigabyte


def _states(prepared: "Prepared") -> Iterator[str]:
    """What layers that do not train leave of each setup."""
    for states in prepared.states:
        if states.fits:
            once = f"about {duration(states.seconds)} of one core, once" if states.seconds else "known already"
            above = f"layers below the last {states.trained}" if states.trained else "layers, none of which trains"
            yield f"{states.setup}: {states.bytes / 1e6:,.1f} MB of states by the {above}, {once}"


def _classical(prepared: "Prepared", say: Callable[[str], None]) -> Iterator[str]:
    """What becomes of each setup's classical models; ``say`` is told of damaged files."""
    from ray_mtlkd import classical

    for wanted in prepared.for_classical:
        name, tasks = wanted.manifest.name, len(wanted.tasks)
        of = f"{tasks} task{'s' * (tasks > 1)}"
        if classical.known(wanted, say=say) is not None:
            said = f"{name}: the classical models of its {of} are known and go into the report"
        else:
            said = f"{name}: classical models of its {of} will be computed beside the trials, on one core"
        yield f"{said} (`classical: false` leaves them out)"


def _rows(found: "Iterable[Distillable]") -> Table:
    """What each task could distil from, where that is more than its own rows."""
    table = Table(title="rows that each task could distil from", title_justify="left")
    counts = ("own", "unlabelled", "others'")
    for column in ("setup", "task", *counts, "cannot read"):
        table.add_column(column, justify="right" if column in counts else "left", overflow="fold")
    for each in found:
        more = [f"{'≤ ' if each.where_sure and rows else ''}{rows:,}" for rows in (each.unlabelled, each.others)]
        place = f"{each.setup}\n({each.encoder})"
        table.add_row(place, each.task, f"{each.own:,}", *more, ", ".join(each.left_out))
    return table

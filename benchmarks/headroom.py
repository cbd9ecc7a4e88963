"""What holding every task's peak could add to plain joint training, as reports compute it, and which tasks fall.

Every setup of a search space is trained by its ``sum``, in its first configurations, as many as a sweep would
replicate, from the seeds of the replicates, in this process and without Ray. Nothing is chosen by what is found.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch

from benchmarks.record import DATA, Row, machine, sampled, save
from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.report.gains import gain
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.plan import Plan, Trial
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.tasks.metrics import metric_of
from ray_mtlkd.training.job import Job, RelabelRequest, SoftLabels
from ray_mtlkd.training.run import train

SPACES = Path(__file__).parents[1] / "search_spaces"
GOAL = 1.5
"""Percent: a setup that shows what distilling can hold has so much."""


@dataclass(frozen=True, kw_only=True)
class JointRun:
    """One run of ``sum``.

    Attributes:
        valid: Headroom on validation in percent.
        test: Headroom on test in percent.
        falls: By task, how far its last evaluation is below its best, in percent of that.
        peaks: By task, the share of the run at which its best evaluation was.
        cpu_s: What the run took.
    """

    valid: float
    test: float
    falls: dict[str, float]
    peaks: dict[str, float]
    cpu_s: float


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.headroom", description=__doc__)
    default = [SPACES / "quickstart.yaml"]
    parser.add_argument("--spaces", type=Path, nargs="+", default=default, help="search spaces with `sum`")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of a configuration, at most")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with a folder for each setup (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = machine()
    rows = [
        row
        for space in arguments.spaces
        for row in _of_space(space, arguments.data, seeds=arguments.seeds, quick=arguments.quick)
    ]
    settings = {
        "spaces": [space.name for space in arguments.spaces],
        "seeds": arguments.seeds,
        "quick": arguments.quick,
    }
    save("headroom", rows, settings=settings, started=started)


def _of_space(path: Path, data: Path, *, seeds: int, quick: bool) -> Iterator[Row]:
    space = read_space(path)
    for name in space.setups:
        place = setups.locate(name, data_dir=data)
        if place.missing:
            print(f"{name} is not measured: no {', '.join(place.missing)} in {data} (--data names the folder)")
            continue
        raw = setups.read(name, data_dir=data)
        plan = Plan(space, {name: len(raw.tasks)})
        trials = [trial for index in range(plan.chosen) for trial in plan.replicates((name, "sum"), index)[:seeds]]
        runs = []
        for trial in trials[:1] if quick else trials:
            runs.append(measure(raw, trial, quick=quick))
            print(
                f"{trial.name}: headroom {runs[-1].valid:.2f} % on validation, {runs[-1].test:.2f} % on test",
                flush=True,
            )
        yield from report(name, runs)


def measure(raw: setups.ValidatedSetup, trial: Trial, *, quick: bool = False) -> JointRun:
    """Train once."""
    configuration = trial.configuration
    if quick:
        training = replace(configuration.training, steps=2 * configuration.training.eval_every)
        configuration = replace(configuration, training=training)
    tables = as_tensors(setups.featurise(raw, configuration.architecture.features))
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            Job(tables=tables, configuration=configuration, seed=trial.seed),
            relabel=_refuse,
            report=lambda _: None,
            storage=Storage.at(folder),
            checkpoint_every_s=float("inf"),
        )
    cpu_s = time.process_time() - began
    named = dict(zip((table.task.name for table in tables.tasks), outcome.tasks, strict=True))
    signs = np.array([metric_of(table.task).sign for table in tables.tasks], np.float64)
    valid, test = (
        gain(np.array([peaks], np.float64), np.array([chosen], np.float64), signs)
        for peaks, chosen in (
            ([task.valid_peak for task in outcome.tasks], [task.valid for task in outcome.tasks]),
            ([task.test_peak for task in outcome.tasks], [task.test for task in outcome.tasks]),
        )
    )
    ends = {name: [point.valid for point in task.curve if point.valid is not None][-1] for name, task in named.items()}
    return JointRun(
        valid=float(valid[0]),
        test=float(test[0]),
        falls={
            name: float(sign * 100 * (task.valid_peak - ends[name]) / abs(task.valid_peak))
            for (name, task), sign in zip(named.items(), signs, strict=True)
        },
        peaks={name: task.peak_step / outcome.end.steps for name, task in named.items()},
        cpu_s=cpu_s,
    )


def _refuse(_: RelabelRequest) -> SoftLabels:
    raise AssertionError("plain joint training has no teachers")


def report(case: str, runs: Sequence[JointRun]) -> Iterator[Row]:
    """What the runs of one setup found."""
    yield sampled(case, "headroom on validation", [run.valid for run in runs], "%", goal=("at least", GOAL))
    yield sampled(case, "headroom on test", [run.test for run in runs], "%")
    for task in runs[0].falls:
        falls, at = [run.falls[task] for run in runs], fmean(run.peaks[task] for run in runs)
        yield sampled(case, f"{task}: end below its peak", falls, "%", note=f"peak at {at:.0%} of the run")
    yield sampled(case, "a run", [run.cpu_s for run in runs], "s CPU")


if __name__ == "__main__":
    main()

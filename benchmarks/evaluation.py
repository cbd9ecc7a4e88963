"""What scoring all validation tables costs beside training, on the setup ``intents``: CPU time of whole runs.

A run of ``ray_mtlkd.training.run.train`` is timed from within: in its training steps, in the computation of validation
metrics, and in the rest of its evaluations (above all copies of the parameters, which may be needed again). The
balancer is ``sum``, whose steps are the cheapest: beside any other, evaluations weigh less.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from benchmarks.record import DATA, Row, machine, sampled, save
from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.sweep.space import read_space
from ray_mtlkd.training import loop
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all
from ray_mtlkd.training.job import Job, RelabelRequest, SoftLabels
from ray_mtlkd.training.run import train
from ray_mtlkd.training.step.trainer import Trainer

SPACE = Path(__file__).parents[1] / "search_spaces" / "intents.yaml"
GOAL = 5.0
"""Percent of the training time."""


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds intents/ (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each kind")
    parser.add_argument("--evaluations", type=int, default=3, help="evaluations of a run")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.runs, arguments.evaluations = 1, 1
    if not (arguments.data / "intents").is_dir():
        print(f"nothing is measured: no intents/ in {arguments.data} (--data names the folder)")
        return
    torch.set_num_threads(1)
    started = machine()
    raw = setups.read("intents", data_dir=arguments.data)
    jobs = {}
    for case, configuration in configurations().items():
        tables = as_tensors(setups.featurise(raw, configuration.architecture.features))
        training = replace(configuration.training, steps=arguments.evaluations * configuration.training.eval_every)
        jobs[case] = Job(tables=tables, configuration=replace(configuration, training=training), seed=0)
    found: dict[str, list[EvaluationTimes]] = {case: [] for case in jobs}
    for _ in range(arguments.runs):
        for case, job in jobs.items():
            found[case].append(measure(job))
    rows = [row for case, spent in found.items() for row in report(case, spent, every=_every(jobs[case]))]
    settings = {"runs": arguments.runs, "evaluations": arguments.evaluations, "quick": arguments.quick}
    save("evaluation", rows, settings=settings, started=started)


def configurations() -> Mapping[str, Configuration]:
    """The defaults, with either encoder of texts, and what the setup's search space tries first."""
    strategy = decode_strategy("sum", where="strategy")
    (first,) = [space.example for space in read_space(SPACE).strategies if space.label == "sum"]
    return {
        "bag, defaults": Configuration(strategy=strategy, architecture=Architecture(encoder=BagOfNgrams())),
        f"{first.architecture.encoder.name}, {SPACE.name}": first,
        "cnn, defaults": Configuration(strategy=strategy, architecture=Architecture(encoder=Cnn())),
    }


@dataclass(kw_only=True)
class EvaluationTimes:
    """CPU seconds of one run, by call."""

    steps: list[float] = field(default_factory=list)
    metrics: list[float] = field(default_factory=list)
    evaluations: list[float] = field(default_factory=list)


def measure(job: Job) -> EvaluationTimes:
    """Train, with the clock at the run's own functions; its last evaluation, on test, does not count."""
    spent = EvaluationTimes()
    with (
        _timed(Trainer, "step", spent.steps),
        _timed(loop, "validate", spent.metrics),
        _timed(loop.Loop, "_evaluate", spent.evaluations),
        tempfile.TemporaryDirectory() as folder,
    ):
        train(job, relabel=_inline, report=_silent, storage=Storage.at(folder), checkpoint_every_s=float("inf"))
    return spent


@contextmanager
def _timed(owner: Any, name: str, seconds: list[float]) -> Iterator[None]:
    """Write down what each call of a function or method costs."""
    called: Callable[..., object] = getattr(owner, name)

    @wraps(called)
    def timed(*arguments: object, **options: object) -> object:
        began = time.process_time()
        try:
            return called(*arguments, **options)
        finally:
            seconds.append(time.process_time() - began)

    with mock.patch.object(owner, name, timed):
        yield


def _inline(request: RelabelRequest) -> SoftLabels:
    return SoftLabels(
        outputs=predict_all(request.model, request.index, request.table.train), where="inline", why="a benchmark"
    )


def _silent(_: object) -> None:
    pass


def _every(job: Job) -> int:
    return job.configuration.training.eval_every


def report(case: str, runs: Sequence[EvaluationTimes], *, every: int) -> Iterator[Row]:
    """Shares of the training time, what they are made of, and the interval at which the goal would be met exactly."""
    case = f"{case}, eval_every {every}"
    shares = [100 * sum(run.metrics) / sum(run.steps) for run in runs]
    rest = [100 * (sum(run.evaluations) - sum(run.metrics)) / sum(run.steps) for run in runs]
    per_step = [1e3 * statistics.mean(run.steps) for run in runs]
    per_metrics = [1e3 * statistics.mean(run.metrics) for run in runs]
    interval = [100 / GOAL * metrics / step for metrics, step in zip(per_metrics, per_step, strict=True)]
    goal = None if case.startswith("cnn") else ("at most", GOAL)
    yield replace(sampled(case, "all validation metrics", shares, "% of training"), goal=goal)
    yield sampled(case, "the rest of an evaluation", rest, "% of training")
    yield sampled(case, "a step", per_step, "ms CPU")
    yield sampled(case, "all validation metrics", per_metrics, "ms CPU")
    yield sampled(case, f"interval at which these cost {GOAL:g} %", interval, "steps")


if __name__ == "__main__":
    main()

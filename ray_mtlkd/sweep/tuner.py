"""A whole sweep: one Tune run over setups, strategies, configurations and seeds."""

import logging
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import ray
from ray import tune

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep import output
from ray_mtlkd.sweep.callback import StatusCallback
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.sweep.relabel import start_shared
from ray_mtlkd.sweep.results import failed_records
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.status import Status
from ray_mtlkd.sweep.trial import Bench, run_trial
from ray_mtlkd.training.checkpoint import Storage

_WORKER_FAILURES = 2
"""Times that a trial may lose its worker before it counts as failed."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a sweep writes.

    Attributes:
        uri: A local path, absolute, or a URI that pyarrow knows.
        resume: Whether to go on with the sweep that is there.
    """

    uri: str
    resume: bool


def run_sweep(prepared: Prepared, target: Target, *, space_text: str, tell: Callable[[Status], None]) -> int:
    """Run every trial that has no records yet; returns how many failed in all.

    Args:
        prepared: What to run.
        target: Where to, and whether to go on.
        space_text: The search space as it was given, for the record.
        tell: Told after every change.

    Raises:
        MtlkdError: where the target holds something else, or the cluster cannot hold a trial.
    """
    storage = Storage.at(target.uri)
    head = _head(prepared)
    if target.resume:
        output.resume(storage, head)
    else:
        output.create(storage, head, space_text=space_text)
    known = output.finished(storage) if target.resume else {}
    with _ray():
        _check_resources(prepared)
        bench = _bench(prepared, target.uri, sweep=head.sweep)

        def lose(trial: Trial) -> None:
            error = f"the worker was lost {_WORKER_FAILURES + 1} times; see {target.uri}/tune"
            records = failed_records(trial, prepared.of(trial), sweep=head.sweep, error=error)
            output.write_records(storage, trial.name, records)

        # With a searcher, Tune keeps one trial pending unless told: a cluster would fill up one trial at a time.
        os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(max(2, int(ray.cluster_resources().get("CPU", 1)))))
        failed = sum(score is None for score in known.values())
        status = StatusCallback(total=prepared.plan.size, done=len(known) - failed, failed=failed, tell=tell)
        searcher = PlanSearcher(prepared.plan, finished=known, on_lost=lose)
        _fit(bench, searcher, status, trials=prepared.plan.size, name=_run_name(storage))
    return sum(score is None for score in output.finished(storage).values())


def _fit(bench: Bench, searcher: PlanSearcher, status: StatusCallback, *, trials: int, name: str) -> None:
    trainable = tune.with_resources(
        tune.with_parameters(run_trial, bench=bench), {"CPU": bench.cpus, "GPU": bench.gpus}
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            num_samples=trials,
            search_alg=searcher,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=f"{bench.uri}/tune",
            verbose=0,
            callbacks=[status],
            failure_config=tune.FailureConfig(max_failures=_WORKER_FAILURES),
        ),
    )
    tuner.fit()


def _trial_name(trial: Any) -> str:
    return Trial.loads(trial.config["trial"]).name


def _bench(prepared: Prepared, uri: str, *, sweep: str) -> Bench:
    space = prepared.space
    wanted = [strategy.example.relabel for strategy in space.strategies]
    distils = any(strategy.example.strategy.curriculum.role == "kd" for strategy in space.strategies)
    asks = distils and any(settings.where in {"auto", "shared"} for settings in wanted)
    return Bench(
        sweep=sweep,
        uri=uri,
        tables={key: ray.put(tables) for key, tables in prepared.tables.items()},
        shared=start_shared(max(settings.pool_size for settings in wanted)) if asks else None,
        cpus=space.resources.cpus,
        gpus=space.resources.gpus,
        checkpoint_every_s=space.resources.checkpoint_every_s,
    )


def _check_resources(prepared: Prepared) -> None:
    """A trial that no node can hold would wait for ever."""
    wanted = {"CPU": prepared.space.resources.cpus, "GPU": prepared.space.resources.gpus}
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    if not any(all(node.get(name, 0) >= amount for name, amount in wanted.items()) for node in nodes):
        most = {name: max(node.get(name, 0) for node in nodes) for name in wanted}
        raise MtlkdError(
            f"a trial asks for {wanted['CPU']:g} CPUs and {wanted['GPU']:g} GPUs, no node has them"
            f" (most on one: {most['CPU']:g} and {most['GPU']:g})",
            where="resources",
            fix="ask for less, or connect to a larger cluster by RAY_ADDRESS",
        )


def _head(prepared: Prepared) -> output.Head:
    packages = ("ray-mtlkd", "torch", "ray", "numpy", "scikit-learn")
    return output.Head(
        name=prepared.space.name,
        space=prepared.space.fingerprint,
        tables={f"{setup} ({features})": tables.fingerprint for (setup, features), tables in prepared.tables.items()},
        versions={"python": platform.python_version(), **{package: version(package) for package in packages}},
    )


def _run_name(storage: Storage) -> str:
    """A fresh name for Tune: it would overwrite an experiment of the same name without a word."""
    tune_folder = storage.child("tune")
    number = 1
    while tune_folder.read(f"run-{number}.started") is not None:
        number += 1
    tune_folder.write(f"run-{number}.started", b"")
    return f"run-{number}"


@contextmanager
def _ray() -> Iterator[None]:
    """A connection to the cluster at RAY_ADDRESS, or a cluster of this machine's own for as long as the sweep lasts."""
    os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
    os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    own = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()

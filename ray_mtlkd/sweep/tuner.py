"""A whole sweep: one Tune run over setups, strategies, configurations and seeds."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError
from ray.tune import Callback, TuneError

from ray_mtlkd.cluster.address import address
from ray_mtlkd.cluster.connection import Cluster
from ray_mtlkd.cluster.ray_private import memory_kills_as_lost_workers
from ray_mtlkd.cluster.workers import waiting_workers
from ray_mtlkd.errors import first_line
from ray_mtlkd.records import TrialEnd
from ray_mtlkd.shell import command
from ray_mtlkd.storage import Storage, reaching
from ray_mtlkd.sweep import archive, output
from ray_mtlkd.sweep.callback import EndCallback, LossWatch, StallWatch, StatusCallback, StillDriving, Unreported
from ray_mtlkd.sweep.classical import computing
from ray_mtlkd.sweep.common_folder import Sight, check_nodes, check_records, sight_of
from ray_mtlkd.sweep.lock import Lock
from ray_mtlkd.sweep.losses import Losses
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.prepare import Key, Prepared
from ray_mtlkd.sweep.pulse import PulseSettings, start_board
from ray_mtlkd.sweep.relabel import start_shared
from ray_mtlkd.sweep.resources import check_room, shared_actors
from ray_mtlkd.sweep.results import records_of
from ray_mtlkd.sweep.schema import Resources
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.state_pool import quickest, telling
from ray_mtlkd.sweep.status import Status
from ray_mtlkd.sweep.trial import TrialContext, run_trial
from ray_mtlkd.sweep_folder import SweepFolder

_RUNS = 3
"""Of Ray Tune's, which may end by what befalls a cluster: so many one after the other in which no trial has ended."""

_UNTIMELY = (RayError, TuneError, RuntimeError, AssertionError)
"""How such a run may end; the last two where it meets what it does not know, or not at that moment."""

_MOST_PENDING = 200
"""Trials that wait for resources at a time, as many as Tune itself allows: what makes a cluster grow."""


def run_trials(
    prepared: Prepared,
    head: output.SweepHead,
    *,
    uri: str,
    cluster: Cluster,
    begin: Callable[[], Lock],
    tell: Callable[[Status], None],
    ended: Callable[[str], None],
    say: Callable[[str], None],
    prepare: Callable[[str], None],
) -> archive.Counts:
    """Run every trial that has no records yet, and the classical models; returns what became of all trials.

    Args:
        prepared: What to run.
        head: What is known of the sweep.
        uri: Its folder, which holds nothing or this sweep: a local path, absolute, or a URI that pyarrow knows.
        cluster: Where on.
        begin: Makes the folder this sweep's, which from then on this process drives.
        tell: Told after every change.
        ended: Told the name of a trial that has left records.
        say: Told what is not as usual of classical models, and of states that are computed once.
        prepare: Told what is computed before trials start.

    Raises:
        MtlkdError: where the cluster cannot hold a trial, a node does not see the folder, or records are not there
            of trials that have ended.
    """
    folder = SweepFolder.at(uri)

    losses = Losses(say=say)

    def lose(trial: Trial, reason: str) -> None:
        end = TrialEnd(status="lost", error=f"{reason}; see {folder.tune.uri}")
        records = records_of(trial, prepared.of(trial), sweep=head.sweep, end=end)
        archive.write_records(folder, trial.name, records)

    def let_go(trial: Trial) -> None:
        folder.checkpoints(trial.name).clear()

    def search() -> PlanSearcher:
        # Where what is tried follows from scores, what a lost trial made follow has run by now.
        known = archive.finished(folder, with_lost=prepared.plan.follows_scores)
        return PlanSearcher(prepared.plan, finished=known, losses=losses, on_lost=lose, on_let_go=let_go)

    searcher = search()
    unmeasured = [
        setup
        for setup in prepared.for_classical
        if not output.has_classical(folder, setup.manifest.name, tasks=len(setup.manifest.tasks))
    ]
    if searcher.is_over and not unmeasured:
        return archive.count(folder)
    cluster.wait()
    tables = {}
    if not searcher.is_over:
        check_room(prepared)
        tables = dict(_tables(prepared, prepare=prepare, say=say))
    lock = begin()
    with computing(unmeasured, uri, say=say):
        if not searcher.is_over:
            sight = sight_of(uri)
            check_nodes(sight)
            context = _context(prepared, tables, sight, sweep=head.sweep)
            rest = command("ray-mtlkd", "sweep", "--resume", uri)

            def fit(searcher: PlanSearcher) -> None:
                heard = [LossWatch(searcher), StatusCallback(searcher, tell=tell), EndCallback(ended)]
                callbacks = [StillDriving(lock), StallWatch(pulse, context, say=say), *heard]
                _fit(pulse, prepared.space.resources, searcher, callbacks, tune_folder=folder.tune)

            with (
                cluster.watched(fix=f"start the cluster again, and go on: {rest}"),
                reaching(uri, then=rest),
                _taking_pulse(context, limit_s=prepared.space.resources.stall_s) as pulse,
            ):
                searcher = _persistent(fit, searcher, search, say=say)
    lock.check()
    with reaching(uri):
        archive.merge(folder)
        found = archive.finished(folder, with_lost=True)
    check_records(uri, ended=[*searcher.finished], found=[*found])
    return archive.counts(found)


def _persistent(
    fit: Callable[[PlanSearcher], None],
    searcher: PlanSearcher,
    search: Callable[[], PlanSearcher],
    *,
    say: Callable[[str], None],
) -> PlanSearcher:
    """Let Tune run what is planned, and again what is left of it where its run ends too soon; returns the last plan."""
    left = _RUNS
    while True:
        before = len(searcher.finished)
        try:
            fit(searcher)
        except _UNTIMELY as error:
            left = _RUNS if len(searcher.finished) > before else left - 1
            if not left:
                raise
            say(f"Ray Tune's run has ended too soon ({_last_line(error)}): another one goes on with what is left")
            searcher = search()
        else:
            return searcher


def _last_line(error: BaseException) -> str:
    """What an error says, or the one whose traceback it holds."""
    said = first_line(error)
    return str(error).strip().splitlines()[-1] if said.startswith("Traceback") else said


@contextmanager
def _taking_pulse(context: TrialContext, *, limit_s: float) -> Iterator[PulseSettings]:
    """Actors that trials share, for as long as the body runs: Ray may go on without this sweep."""
    board = start_board()
    board.share.remote(context)
    try:
        yield PulseSettings(board=board, limit_s=limit_s)
    finally:
        for actor in (board, *(context.shared.handles if context.shared else ())):
            ray.kill(actor)


def _fit(
    pulse: PulseSettings,
    resources: Resources,
    searcher: PlanSearcher,
    callbacks: list[Callback],
    *,
    tune_folder: Storage,
) -> None:
    # With a searcher, Tune keeps one trial pending unless told: a cluster would fill up one trial at a time. Here as
    # many as run at a time are enough, and the others still give way to longer ones.
    pending = _MOST_PENDING if address() else int(ray.cluster_resources().get("CPU", 1)) // resources.cpus
    os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(min(searcher.total, max(1, pending))))
    trainable = tune.with_resources(
        tune.with_parameters(run_trial, pulse=pulse), {"CPU": resources.cpus, "GPU": resources.gpus}
    )
    tuner = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            num_samples=-1,  # as many as the searcher has
            search_alg=searcher,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=_run_name(tune_folder),
            storage_path=tune_folder.uri,
            verbose=0,
            progress_reporter=Unreported(),
            callbacks=callbacks,
            failure_config=tune.FailureConfig(max_failures=0),  # `Losses` decides who runs again
        ),
    )
    with waiting_workers(), memory_kills_as_lost_workers():
        tuner.fit()


def _trial_name(trial: Any) -> str:
    name: str = trial.config["name"]
    return name


def _tables(
    prepared: Prepared, *, prepare: Callable[[str], None], say: Callable[[str], None]
) -> Iterator[tuple[Key, Any]]:
    """References to the setups' tables in the object store, one after the other: of no two is a copy here."""
    for key, tables in prepared.tables.items():
        pending = prepared.pending.get(key)
        if pending is None:
            yield key, ray.put(tables)
        else:
            compute = telling(quickest(pending, say=prepare), say=prepare)
            yield key, ray.put(pending.put(tables, compute=compute, say=say))


def _context(prepared: Prepared, tables: Mapping[Key, Any], sight: Sight, *, sweep: str) -> TrialContext:
    resources, shares = prepared.space.resources, shared_actors(prepared)
    return TrialContext(
        sweep=sweep,
        sight=sight,
        tables=tables,
        featurisers={key: ray.put(packed) for key, packed in prepared.featurisers.items()},
        keep_models=resources.keep_models,
        keep_predictions=resources.keep_predictions,
        shared=start_shared(len(shares), gpus=shares[0]) if shares else None,
        cpus=resources.cpus,
        gpus=resources.gpus,
        gradient_gb=resources.gradient_gb,
        checkpoint_every_s=resources.checkpoint_every_s,
    )


def _run_name(tune_folder: Storage) -> str:
    """A fresh name for Tune: it would overwrite an experiment of the same name without a word."""
    number = 1
    while tune_folder.read(f"run-{number}.started") is not None:
        number += 1
    tune_folder.write(f"run-{number}.started", b"")
    return f"run-{number}"

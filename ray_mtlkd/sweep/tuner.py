"""Ray Tune's runs of a sweep: one, or several where the first ends too soon."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayError

from ray_mtlkd.cluster.address import address
from ray_mtlkd.cluster.ray_private import memory_kills_as_lost_workers
from ray_mtlkd.cluster.workers import waiting_workers
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.callback import EndCallback, LossWatch, StallWatch, StatusCallback, StillDriving, Unreported
from ray_mtlkd.sweep.lock import Lock
from ray_mtlkd.sweep.pulse import PulseSettings, start_board
from ray_mtlkd.sweep.run import SweepListener
from ray_mtlkd.sweep.schema import Resources
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.trial import TrialContext, run_trial

_RUNS = 3
"""Of Ray Tune's, which may end by what befalls a cluster: so many one after the other in which no trial has ended."""

_MOST_PENDING = 200
"""Trials that wait for resources at a time, as many as Tune itself allows: what makes a cluster grow."""


@dataclass(frozen=True, kw_only=True)
class TuneRuns:
    """What all of them have in common.

    Attributes:
        context: What trials share.
        resources: What a trial takes.
        folder: Tune's own, in the sweep's.
        lock: Shows that this process drives the sweep.
        listener: Told how it goes.
        ended: Told the name of a trial that has left records.
    """

    context: TrialContext
    resources: Resources
    folder: Storage
    lock: Lock
    listener: SweepListener
    ended: Callable[[str], None]

    def finish(self, searcher: PlanSearcher, search: Callable[[], PlanSearcher]) -> PlanSearcher:
        """Run what is planned, whatever befalls the first of them.

        Args:
            searcher: The plan.
            search: Plans what is left.

        Returns:
            The last plan.
        """
        with _taking_pulse(self.context, limit_s=self.resources.stall_s) as pulse:
            return persistent(lambda left: self._fit(left, pulse), searcher, search, say=self.listener.warn)

    def _fit(self, searcher: PlanSearcher, pulse: PulseSettings) -> None:
        resources = self.resources
        # With a searcher, Tune keeps one trial pending unless told: a cluster would fill up one at a time. Here as
        # many as run at a time are enough, and the others still give way to longer ones.
        pending = _MOST_PENDING if address() else int(ray.cluster_resources().get("CPU", 1)) // resources.cpus
        os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", str(min(searcher.total, max(1, pending))))
        tuner = tune.Tuner(
            tune.with_resources(
                tune.with_parameters(run_trial, pulse=pulse), {"CPU": resources.cpus, "GPU": resources.gpus}
            ),
            tune_config=tune.TuneConfig(
                num_samples=-1,  # as many as the searcher has
                search_alg=searcher,
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name=_run_name(self.folder),
                storage_path=self.folder.uri,
                verbose=0,
                progress_reporter=Unreported(),
                callbacks=[
                    StillDriving(self.lock),
                    StallWatch(pulse, self.context, say=self.listener.warn),
                    LossWatch(searcher, pulse.board),
                    StatusCallback(searcher, tell=self.listener.tell),
                    EndCallback(self.ended),
                ],
                failure_config=tune.FailureConfig(max_failures=0),  # `Losses` decides who runs again
            ),
        )
        with waiting_workers(), memory_kills_as_lost_workers():
            tuner.fit()


def persistent(
    fit: Callable[[PlanSearcher], None],
    searcher: PlanSearcher,
    search: Callable[[], PlanSearcher],
    *,
    say: Callable[[str], None],
) -> PlanSearcher:
    """Let Tune run what is planned, and again what is left of it where its run ends too soon; returns the last plan.

    Any error may end it so, where Tune meets what it does not know, or not at that moment. Our own say what is to be
    mended, and those of the system what the place of the sweep lacks: they are told at once.

    Raises:
        MtlkdError: where that happens again and again, and no trial ends any more.
    """
    left = _RUNS
    while True:
        before = len(searcher.finished)
        try:
            fit(searcher)
        except Exception as error:
            if isinstance(error, MtlkdError) or (isinstance(error, OSError) and not isinstance(error, RayError)):
                raise
            left = _RUNS if len(searcher.finished) > before else left - 1
            said = _last_line(error)
            if not left:
                what = f"its run has ended too soon {_RUNS} times one after the other, at last by {said}"
                fix = "go on with what is left by `--resume`, on another Ray or release of it where it ends so again"
                raise MtlkdError(what, where="Ray Tune", fix=fix) from error
            say(f"Ray Tune's run has ended too soon ({said}): another one goes on with what is left")
            searcher = search()
        else:
            return searcher


def _last_line(error: BaseException) -> str:
    """What an error is and says, or the one whose traceback it holds."""
    said, kind = str(error).strip(), type(error).__name__
    if said.startswith("Traceback"):
        return said.splitlines()[-1]
    return f"{kind}: {first_line(error)}" if said else kind


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


def _trial_name(trial: Any) -> str:
    name: str = trial.config["name"]
    return name


def _run_name(tune_folder: Storage) -> str:
    """A fresh name for Tune: it would overwrite an experiment of the same name without a word."""
    number = 1
    while tune_folder.read(f"run-{number}.started") is not None:
        number += 1
    tune_folder.write(f"run-{number}.started", b"")
    return f"run-{number}"

"""Counts what Tune reports, and tells how far the sweep is."""

import time
from collections.abc import Callable
from typing import Any

import ray
from ray.tune import Callback, ProgressReporter

from ray_mtlkd.cluster.ray_private import failure_told, forget_averages
from ray_mtlkd.sweep.lock import Lock
from ray_mtlkd.sweep.losses import WorkerLoss
from ray_mtlkd.sweep.pulse import PulseSettings, end_process
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.status import RunningTrial, Status


class _SweepCallback(Callback):  # type: ignore[misc]  # ray ships no type information
    """Has no state of its own for Tune, which pickles it for `Tuner.restore`: a sweep goes on from its records."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing."""
        return {}


class Unreported(ProgressReporter):  # type: ignore[misc]  # ray ships no type information
    """Leaves a notebook's cell as it is: there, Tune's own reporter clears it, however little it is to say."""

    def should_report(self, trials: list[Any], done: bool = False) -> bool:  # noqa: FBT001, FBT002 - Tune fixes it
        """Never."""
        return False

    def report(self, trials: list[Any], done: bool, *sys_info: str) -> None:  # noqa: FBT001 - likewise
        """Nothing."""


class StillDriving(_SweepCallback):
    """Ends Tune's run where another process drives the sweep now.

    Args:
        lock: Of the sweep.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Several times a second."""
        self._lock.check()


class StallWatch(_SweepCallback):
    """Ends the processes of trials that give no sign of life.

    Args:
        settings: Where signs go, and how long there may be none.
        context: What trials share, for the board to hand out.
        say: Told which.
    """

    def __init__(self, settings: PulseSettings, context: Any, *, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._context = context
        self._say = say
        self._asked: Any = None
        self._asked_at = 0.0
        self._looked = time.monotonic()
        self._next = self._looked + settings.every_s

    def on_step_begin(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Several times a second; waits for nothing."""
        now, before = time.monotonic(), self._looked
        self._looked = now
        if now - before > self._settings.every_s:  # stopped (Ctrl-Z), or busy: trials wait for who reads their reports
            self._settings.board.forgive.remote()
            self._next, self._asked_at = now + self._settings.every_s, now
        elif self._asked is None and now >= self._next:
            self._next = now + self._settings.every_s
            self._settings.board.share.remote(self._context)
            self._asked, self._asked_at = self._settings.board.take_silent.remote(self._settings.limit_s), now
        elif self._asked is not None and ray.wait([self._asked], timeout=0)[0]:
            limit = f"{self._settings.limit_s:g} s (resources.stall_s)"
            for process in ray.get(self._asked):
                said = f"{process.trial} has done nothing for {limit}: its process is ended, and it goes on from its"
                self._say(f"{said} checkpoint")
                end_process(process)
            self._asked = None
        elif self._asked is not None and now - self._asked_at > self._settings.limit_s:
            self._asked = None  # it hangs itself, and trials that start would wait for it
            ray.kill(self._settings.board, no_restart=False)


class LossWatch(_SweepCallback):
    """Tells the plan why Tune has given a trial up, and the board that its process is gone; before those who count.

    Args:
        searcher: The plan, which Tune has told that it did.
        board: Where signs of life go.
    """

    def __init__(self, searcher: PlanSearcher, board: Any) -> None:
        self._searcher = searcher
        self._board = board

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Its worker was lost, or could not do what any other could."""
        name = self._searcher.lose(trial.trial_id, WorkerLoss.told_by(failure_told(trial)))
        self._board.lose.remote(name)


class StatusCallback(_SweepCallback):
    """Counts what Tune reports.

    Args:
        searcher: Knows what has ended; Tune tells it before its callbacks.
        tell: Called after every change.
    """

    def __init__(self, searcher: PlanSearcher, *, tell: Callable[[Status], None]) -> None:
        self._searcher = searcher
        self._before = len(searcher.finished)
        self._tell = tell
        self._running: dict[str, RunningTrial] = {}
        self._shares = 0.0
        self._started = time.monotonic()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has a worker."""
        self._running.setdefault(trial.trial_id, RunningTrial(name=trial.config["name"]))
        self._say()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial was evaluated."""
        now = RunningTrial(
            name=trial.config["name"], step=int(result.get("step", 0)), share=float(result.get("share", 0.0))
        )
        was = self._running.get(trial.trial_id)
        self._shares += now.share - (0.0 if was is None else was.share)
        self._running[trial.trial_id] = now
        self._say()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has ended, well or with failed records."""
        self._leave(trial)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune gave a trial up."""
        self._leave(trial)

    def _leave(self, trial: Any) -> None:
        was = self._running.pop(trial.trial_id, None)
        self._shares -= 0.0 if was is None else was.share
        self._say()

    def _say(self) -> None:
        found, failed = self._searcher.finished, self._searcher.failures
        elapsed = time.monotonic() - self._started
        ended = len(found) - self._before
        worked = ended + self._shares
        left = self._searcher.total - self._before - worked
        self._tell(
            Status(
                total=self._searcher.total,
                done=len(found) - failed,
                failed=failed,
                elapsed_s=elapsed,
                eta_s=elapsed * left / worked if ended else None,
                trials=tuple(self._running.values()),
                ranking=self._searcher.ranking,
            )
        )


class EndCallback(_SweepCallback):
    """Tells of trials that have ended, of which Tune need not know more.

    Args:
        ended: Told the name of each that has left records.
    """

    def __init__(self, ended: Callable[[str], None]) -> None:
        self._ended = ended

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has ended, well or with failed records, or pauses."""
        forget_averages(trial)
        self._ended(trial.config["name"])

"""Counts what Tune reports, and tells how far the sweep is."""

import time
from collections.abc import Callable
from typing import Any

from ray.tune import Callback

from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.status import Leader, Status


class StatusCallback(Callback):  # type: ignore[misc]  # ray ships no type information
    """Counts what Tune reports.

    Args:
        total: Trials in all.
        done: Finished in an earlier run; ``failed`` likewise.
        tell: Called after every change.
    """

    def __init__(self, *, total: int, done: int, failed: int, tell: Callable[[Status], None]) -> None:
        self._total = total
        self._done = done
        self._failed = failed
        self._before = done + failed
        self._tell = tell
        self._shares: dict[str, float] = {}
        self._best: dict[str, Leader] = {}
        self._started = time.monotonic()

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has a worker."""
        self._shares.setdefault(trial.trial_id, 0.0)
        self._say()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial was evaluated."""
        self._shares[trial.trial_id] = float(result.get("share", 0.0))
        self._say()

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """A trial has ended, well or with failed records."""
        self._shares.pop(trial.trial_id, None)
        result = trial.last_result or {}
        if result.get("status") == "ok":
            self._done += 1
            self._lead(Trial.loads(trial.config["trial"]), float(result["score"]))
        else:
            self._failed += 1
        self._say()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Tune gave a trial up."""
        self._shares.pop(trial.trial_id, None)
        self._failed += 1
        self._say()

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles this for `Tuner.restore`, but a sweep goes on from its own records."""
        return {}

    def _lead(self, trial: Trial, score: float) -> None:
        leader = self._best.get(trial.setup)
        if leader is None or score > leader.score:
            self._best[trial.setup] = Leader(setup=trial.setup, strategy=trial.strategy, score=score)

    def _say(self) -> None:
        elapsed = time.monotonic() - self._started
        worked = self._done + self._failed - self._before + sum(self._shares.values())
        left = self._total - self._before - worked
        self._tell(
            Status(
                total=self._total,
                done=self._done,
                running=len(self._shares),
                failed=self._failed,
                elapsed_s=elapsed,
                eta_s=elapsed * left / worked if worked > 0 else None,
                best=tuple(self._best.values()),
            )
        )

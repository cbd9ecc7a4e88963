"""One tracker, told of trials by a thread of its own: what ails it, and how long it takes, does not touch the sweep."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Protocol

from ray_mtlkd.errors import first_line
from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun
from ray_mtlkd.sweep.trackers.tracker import RunTracker, without_login

_REST_S = 60.0
"""For so long a tracker is left alone that has failed."""
_MOST_FAILURES = 3
"""One after the other; the trials behind them wait: a trial may be what fails, and so may the tracker."""
_MOST_LETTERS = 200
"""Of what is told of a failure."""


class TrialReader(Protocol):
    """Reads what trials left that have ended."""

    def __call__(
        self, names: Collection[str] | None, *, without: Collection[str], is_last: bool
    ) -> Iterable[TrackedRun]:
        """Those of these names, or all, but for some; where it is not the last time, not those that may go on."""


class TrackerFeed:
    """Hands trials on to a tracker, each once, in the order in which they end.

    Args:
        tracker: Is opened, used and closed in the thread alone.
        read: What trials left.
        say: Told once where the tracker fails.
    """

    def __init__(self, tracker: RunTracker, *, read: TrialReader, say: Callable[[str], None]) -> None:
        self.logged: set[str] = set()
        self.reason = "it takes too long"
        self._has_failed = False
        self._tracker = tracker
        self._read = read
        self._say = say
        self._names: SimpleQueue[str | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=tracker.place, daemon=True)
        self._is_open = False
        self._failed_s: float | None = None

    @property
    def place(self) -> str:
        """Of the tracker."""
        return self._tracker.place

    def put(self, trial: str) -> None:
        """A trial has ended; the first time, those of earlier runs of the sweep are seen to as well."""
        self._names.put(trial)
        self._start()

    def close(self, *, patience_s: float) -> None:
        """Log what is left, as long as it goes on: no trial for so long is the end."""
        self._names.put(None)
        self._start()
        before = -1
        while self._thread.is_alive() and len(self.logged) > before:
            before = len(self.logged)
            self._thread.join(patience_s)

    def _start(self) -> None:
        if self._thread.ident is None:
            self._thread.start()

    def _work(self) -> None:
        self._log(None)
        while (name := self._names.get()) is not None:
            is_resting = self._failed_s is not None and time.monotonic() - self._failed_s < _REST_S
            if not is_resting:
                self._log({name} if self._failed_s is None else None)
        self._log(None, is_last=True)

    def _log(self, names: Collection[str] | None, *, is_last: bool = False) -> None:
        failures = 0
        with self._failing():
            if not self._is_open:
                self.logged |= self._tracker.open()
                self._is_open, self._failed_s = True, None
            for run in self._read(names, without=frozenset(self.logged), is_last=is_last):
                with self._failing():
                    self._tracker.log(run)
                    self.logged.add(run.trial)
                failures = 0 if run.trial in self.logged else failures + 1
                if failures == _MOST_FAILURES:
                    return
            if is_last:
                self._tracker.close()

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Whatever ails a tracker in the body, the sweep goes on; it is opened anew before it is used again."""
        try:
            yield
        except (Exception, SystemExit) as error:  # noqa: BLE001 - libraries raise what they like
            self.reason = without_login(first_line(error))[:_MOST_LETTERS]
            self._failed_s, self._is_open = time.monotonic(), False
            if not self._has_failed:
                self._say(f"warning: {self.place} fails ({self.reason}); the sweep goes on without it")
            self._has_failed = True

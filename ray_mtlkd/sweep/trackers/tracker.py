"""What a tracker of runs is to a sweep."""

import re
from dataclasses import dataclass
from typing import Protocol

from ray_mtlkd.sweep.trackers.tracked_run import TrackedRun


@dataclass(frozen=True, kw_only=True)
class TrackedSweep:
    """The sweep that runs belong to.

    Attributes:
        name: Of its search space.
        key: No other sweep's, and the same whenever this one goes on.
        uri: Its folder.
    """

    name: str
    key: str
    uri: str


def without_login(text: str) -> str:
    """The same text where addresses name no user and no password."""
    return re.sub(r"//[^/@\s]*@", "//", text)


class RunTracker(Protocol):
    """Logs the trials of a sweep; all its methods are called from one thread, and may raise what they like."""

    @property
    def place(self) -> str:
        """Which tracker, and where, in a few words."""

    def open(self) -> set[str]:
        """Trials that it holds whole; what it holds of others from an earlier attempt is taken away."""

    def log(self, run: TrackedRun) -> None:
        """A trial, whole."""

    def close(self) -> None:
        """The sweep has ended."""

"""Whether trials work: signs of life, and an end to a process that gives none.

A stopped or hung process does nothing wrong that Ray would see, and a sweep would wait for it for ever. The sign of
life of a trial is that its thread has used the CPU, whatever it is at; one that waits for those who relabel gives it
too. Who is silent for too long is ended: Tune starts the trial again, which goes on from its checkpoint.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ray_mtlkd.sweep.processes import kill, start_of

_SIGNS = 10
"""In the time after which a trial counts as silent."""
_MOST_BETWEEN_S = 15.0
"""Two signs, or two looks for them."""
_ASKED_AGAIN_S = 0.5


@dataclass(frozen=True, kw_only=True)
class TrialProcess:
    """Where a trial runs.

    Attributes:
        started: When its process was, as the node counts: its number may be another's later.
    """

    trial: str
    node: str
    pid: int
    started: str


class PulseBoard:
    """Notes signs of life, and hands out what trials share; an actor, which ends with the sweep."""

    def __init__(self) -> None:
        self._context: Any = None
        self._seen: dict[TrialProcess, float] = {}
        self._stalls: dict[str, int] = {}

    def share(self, context: Any) -> None:
        """Hand out this to trials; to be said again now and then, since one that starts again knows of nothing."""
        self._context = context

    def context(self) -> Any:
        """What trials share; None where it is not known."""
        return self._context

    def begin(self, process: TrialProcess) -> int:
        """A trial starts in this process; returns how often it was ended before since it gave no sign of life."""
        self.lose(process.trial)
        self.beat(process)
        return self._stalls.get(process.trial, 0)

    def beat(self, process: TrialProcess) -> None:
        """A sign of life."""
        self._seen[process] = time.monotonic()

    def forgive(self) -> None:
        """Count all that run from now on: the driver was away, and trials may have waited for it."""
        self._seen = dict.fromkeys(self._seen, time.monotonic())

    def leave(self, process: TrialProcess) -> None:
        """The trial is over here."""
        self._seen.pop(process, None)

    def lose(self, trial: str) -> None:
        """Whatever process a trial had is gone, or is nobody's any more: one that was killed takes no leave."""
        self._seen = {process: seen for process, seen in self._seen.items() if process.trial != trial}

    def take_silent(self, limit_s: float) -> list[TrialProcess]:
        """Those that gave no sign for so long, each told once."""
        now = time.monotonic()
        silent = [process for process, seen in self._seen.items() if now - seen > limit_s]
        for process in silent:
            del self._seen[process]
            self._stalls[process.trial] = self._stalls.get(process.trial, 0) + 1
        return silent


@dataclass(frozen=True, kw_only=True)
class PulseSettings:
    """Where signs of life go, and how long a trial may give none.

    Tune keeps what trials are given as long as the driver's process lives: the board's handle, and not the tables that
    what they share refers to.
    """

    board: Any
    limit_s: float

    @property
    def every_s(self) -> float:
        """Seconds between two signs, and two looks."""
        return min(_MOST_BETWEEN_S, self.limit_s / _SIGNS)

    def context(self) -> Any:
        """What trials share; waits for it where the board has just started again."""
        while (found := ray.get(self.board.context.remote())) is None:
            time.sleep(_ASKED_AGAIN_S)
        return found


@dataclass
class Pulse:
    """A trial's signs of life, which a thread gives as long as this one works.

    Attributes:
        stalls: How often the trial's process was ended before.
        limit_s: How long it may give none.
    """

    stalls: int
    limit_s: float
    _waits: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Others work for this thread meanwhile."""
        self._waits.set()
        try:
            yield
        finally:
            self._waits.clear()

    @property
    def waits(self) -> bool:
        """Whether others work for the thread."""
        return self._waits.is_set()


@contextmanager
def beating(settings: PulseSettings, trial: str) -> Iterator[Pulse]:
    """Give signs of life of the thread that enters, as a trial."""
    node, pid = ray.get_runtime_context().get_node_id(), os.getpid()
    process = TrialProcess(trial=trial, node=node, pid=pid, started=start_of(pid) or "")
    pulse = Pulse(stalls=ray.get(settings.board.begin.remote(process)), limit_s=settings.limit_s)
    clock = time.pthread_getcpuclockid(threading.get_ident())
    over = threading.Event()

    def beat() -> None:
        spent = 0.0
        while not over.wait(settings.every_s):
            now = time.clock_gettime(clock)
            if now > spent or pulse.waits:
                settings.board.beat.remote(process)
            spent = now

    thread = threading.Thread(target=beat, name="pulse", daemon=True)
    thread.start()
    try:
        yield pulse
    finally:
        over.set()
        thread.join()
        settings.board.leave.remote(process)


def start_board() -> Any:
    """The actor that notes signs of life, beside the driver; one that is lost starts again, and knows of nobody."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return (
        ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(PulseBoard)
        .options(scheduling_strategy=here)
        .remote()
    )


def end_process(process: TrialProcess) -> None:
    """Kill a trial's process, where it still is there; waits for nothing."""
    there = NodeAffinitySchedulingStrategy(process.node, soft=False)
    _kill.options(scheduling_strategy=there).remote(process)


@ray.remote(num_cpus=0, max_retries=0)  # type: ignore[untyped-decorator]  # ray ships no type information
def _kill(process: TrialProcess) -> None:
    kill(process.pid, started=process.started)

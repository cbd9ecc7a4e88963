"""What becomes of a trial that has lost its worker: it runs again, where memory was short alone, or counts as lost.

Tune itself would start it again at once, beside the same neighbours, and knows no error of memory. A trial goes on from
its own checkpoint whoever starts it. All runs of Tune's in a sweep share what is noted here.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ray_mtlkd.cluster.ray_private import memory_told

_TRIES = 3
"""Of a trial that loses its worker, but for memory."""
_MEMORY_TRIES = 6
"""Of a trial that is killed for memory which others hold."""
_PAUSE_S, _LONGEST_PAUSE_S = 15.0, 60.0
"""In which no trial starts after a worker was ended for memory: twice as long after each, until a trial ends well."""


@dataclass(frozen=True, kw_only=True)
class WorkerLoss:
    """One worker of a trial's that was lost.

    Attributes:
        reason: In one line.
        is_memory: Whether it was ended since its machine's memory was full.
        is_largest: Whether it held at least half of what was in use there.
    """

    reason: str
    is_memory: bool = False
    is_largest: bool = False

    @classmethod
    def told_by(cls, text: str) -> "WorkerLoss":
        """What an error of Ray's says."""
        kill = memory_told(text)
        if kill is None:
            return cls(reason=text.strip().partition("\n")[0].strip() or "Ray does not say why")
        said = f"{kill.used:g} of {kill.limit:g} GB were in use, {kill.own:g} GB by the trial"
        return cls(reason=said, is_memory=True, is_largest=kill.own >= kill.used / 2)


class Losses:
    """The losses of a sweep's trials.

    Args:
        say: Told of each.
        clock: Tells seconds.
    """

    def __init__(self, *, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._workers: Counter[str] = Counter()
        self._memory: Counter[str] = Counter()
        self._until = -1.0
        self._pause_s = _PAUSE_S

    @property
    def is_pausing(self) -> bool:
        """Whether no trial should start now: what took the memory may take it once more."""
        return self._clock() < self._until

    def goes_alone(self, trial: str) -> bool:
        """Whether a trial should have no other beside it."""
        return self._memory[trial] > 0

    def note(self, trial: str, loss: WorkerLoss) -> str | None:
        """Note a loss; returns why the trial is given up, None where it runs again."""
        if not loss.is_memory:
            self._workers[trial] += 1
            times = self._workers[trial]
            if times == _TRIES:
                return f"the worker was lost {times} times, at last: {loss.reason}"
            self._say(f"{trial} has lost its worker ({loss.reason}): it goes on from its last checkpoint")
            return None
        self._memory[trial] += 1
        self._until = self._clock() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        if loss.is_largest and self._memory[trial] > 1:
            return f"killed for memory, also with no other trial beside it: {loss.reason}"
        if self._memory[trial] == _MEMORY_TRIES:
            return f"killed for memory {_MEMORY_TRIES} times, since other processes fill the machine: {loss.reason}"
        self._say(f"{trial} was killed for memory ({loss.reason}): it goes on later, with no other trial beside it")
        return None

    def ended_well(self) -> None:
        """A trial has: there is memory again."""
        self._pause_s = _PAUSE_S

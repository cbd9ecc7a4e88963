"""Trials that wait to run, the longest of them first: what is left at the end is short, and keeps all workers busy."""

import heapq
from collections import defaultdict, deque
from itertools import count

from ray_mtlkd.sweep.plan import Trial

Configuration = tuple[str, str, int]
"""What trials have in common that take about as long: setup, strategy and the configuration's number."""


def configuration_of(trial: Trial) -> Configuration:
    """A trial's."""
    return *trial.group, trial.index


class LongestFirst:
    """Waiting trials; of those that take as long, or of which nobody knows it, who came first goes first.

    A heap over configurations, each with its first trial. An entry that is no longer true is dropped when it comes up.
    """

    def __init__(self) -> None:
        self._wall_s: dict[Configuration, float] = {}
        self._waiting: dict[Configuration, deque[tuple[int, Trial]]] = defaultdict(deque)
        self._heap: list[tuple[float, int, Configuration]] = []
        self._numbers = count()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, trial: Trial) -> None:
        """One more."""
        configuration = configuration_of(trial)
        self._waiting[configuration].append((next(self._numbers), trial))
        self._size += 1
        if len(self._waiting[configuration]) == 1:
            self._enter(configuration)

    def learn(self, trial: Trial, wall_s: float) -> None:
        """How long a trial took."""
        configuration = configuration_of(trial)
        if self._wall_s.get(configuration) != wall_s:
            self._wall_s[configuration] = wall_s
            self._enter(configuration)

    def pop(self) -> Trial:
        """The next one, which waits no longer; there must be one."""
        while (entry := heapq.heappop(self._heap)) != self._entry(entry[-1]):
            pass
        self._size -= 1
        configuration = entry[-1]
        _, trial = self._waiting[configuration].popleft()
        self._enter(configuration)
        return trial

    def _enter(self, configuration: Configuration) -> None:
        entry = self._entry(configuration)
        if entry is not None:
            heapq.heappush(self._heap, entry)

    def _entry(self, configuration: Configuration) -> tuple[float, int, Configuration] | None:
        waiting = self._waiting.get(configuration)
        return (-self._wall_s.get(configuration, 0.0), waiting[0][0], configuration) if waiting else None

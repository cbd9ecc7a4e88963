"""Actors that predict for any trial of a sweep: no start-up at a relabel, and no CPU of their own."""

import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ray

from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.sweep.relabel.teacher import Predictor, fetch

_TEACHER_BYTES = 2**28
"""Parameters of the teachers that a shared actor keeps, at most, unless a single one has more."""


class UnansweredError(Exception):
    """Nobody has answered for too long, which in one line it says."""


@dataclass(frozen=True, kw_only=True)
class SharedActors:
    """Actors that live as long as the sweep.

    Attributes:
        handles: Ray actor handles of `SharedActor`.
        limit_s: Without an answer for so long, they hang: a process that is stopped fails nobody.
    """

    handles: tuple[Any, ...]
    limit_s: float

    def predict(self, references: Mapping[str, Any], parts: Sequence[tuple[int, int]]) -> list[Array]:
        """Raw outputs of each part; all actors share them.

        Raises:
            UnansweredError: where there is no answer for too long. Who owes one starts again, and is asked again by
                those who still wait.
        """
        asked = [self.handles[at % len(self.handles)] for at in range(len(parts))]
        calls = [handle.predict.remote(references, bounds) for handle, bounds in zip(asked, parts, strict=True)]
        owed = calls
        while owed:
            before = len(owed)
            _, owed = ray.wait(owed, num_returns=before, timeout=self.limit_s)
            if len(owed) == before:
                for handle in {asked[calls.index(call)] for call in owed}:
                    ray.kill(handle, no_restart=False)
                raise UnansweredError(f"the sweep's actors gave no answer for {self.limit_s:g} s (resources.stall_s)")
        found: list[Array] = ray.get(calls)
        return found

    def answer_s(self, *, most_s: float) -> float | None:
        """Seconds that an actor takes to answer anything; None where it is more, or half of what hanging is."""
        started = time.perf_counter()
        answered, _ = ray.wait([self.handles[0].ready.remote()], timeout=min(most_s, self.limit_s / 2))
        return time.perf_counter() - started if answered else None


class SharedActor:
    """Predicts for any trial; keeps the teachers that were asked last.

    Args:
        gpus: Above 0: it predicts on the GPU that Ray gives it.
    """

    def __init__(self, gpus: float = 0.0) -> None:
        self._gpus = gpus
        self._known: OrderedDict[str, Predictor] = OrderedDict()

    def ready(self) -> bool:
        """Whether the actor has started."""
        return True

    def predict(self, references: Mapping[str, Any], bounds: tuple[int, int]) -> Array:
        """Raw outputs for rows ``bounds[0] <= row < bounds[1]``.

        Args:
            references: To the teacher and to its tables: they are fetched where the teacher is not known.

        Raises:
            MtlkdError: where it cannot use the GPU, or the GPU's memory is full.
        """
        key = references["teacher"].hex()
        with relying_on_gpu():
            if key not in self._known:
                # not sooner: what goes wrong as an actor starts, nobody is told
                self._known[key] = fetch(references, gpus=self._gpus)
            self._known.move_to_end(key)
            while len(self._known) > 1 and sum(known.nbytes for known in self._known.values()) > _TEACHER_BYTES:
                self._known.popitem(last=False)
            return self._known[key].predict(range(*bounds))


def start_shared(size: int, *, gpus: float = 0.0, limit_s: float = 600.0) -> SharedActors:
    """Let ``size`` actors start that hold no CPU, and ``gpus`` of a GPU each; see `SharedActors` for ``limit_s``."""
    actor = ray.remote(num_cpus=0, num_gpus=gpus, max_restarts=-1, max_task_retries=3)(SharedActor)
    return SharedActors(handles=tuple(actor.remote(gpus) for _ in range(size)), limit_s=limit_s)

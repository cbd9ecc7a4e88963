"""Actors that predict for any trial of a sweep: no start-up at a relabel, and no CPU of their own."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ray

from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.sweep.relabel.teacher import Predictor, fetch

_TEACHER_BYTES = 2**28
"""Parameters of the teachers that a shared actor keeps, at most, unless a single one has more."""


@dataclass(frozen=True, kw_only=True)
class SharedActors:
    """Actors that live as long as the sweep.

    Attributes:
        handles: Ray actor handles of `SharedActor`.
    """

    handles: tuple[Any, ...]


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


def start_shared(size: int, *, gpus: float = 0.0) -> SharedActors:
    """Let ``size`` actors start that hold no CPU, and ``gpus`` of a GPU each."""
    actor = ray.remote(num_cpus=0, num_gpus=gpus, max_restarts=-1, max_task_retries=3)(SharedActor)
    return SharedActors(handles=tuple(actor.remote(gpus) for _ in range(size)))

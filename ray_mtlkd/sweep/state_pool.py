"""Who computes states: actors on every core of the cluster, or the driver alone where that is over sooner.

Rows and weights lie in the object store, once, so that no worker needs the encoder's folder. Parts come back as they
are done, and few at a time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import ray
import torch

from ray_mtlkd.cluster.actor_pool import Actors, Pool, ask, giving_up, room
from ray_mtlkd.cluster.ray_logging import quiet_core
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.hf.states import HeldLayers
from ray_mtlkd.sweep.held_states import PendingStates
from ray_mtlkd.sweep.state_work import Compute, StatePart, StateWork, here

STARTED_S = 8.0
"""What a pool takes until its first part is begun: processes that import PyTorch and `transformers`, and Ray Data."""

_STALLED_S = 3600
"""Without a part for so long, the pool ends with an error: somebody holds every CPU."""


_TOLD_EVERY_S = 30.0
"""How often to say how far it is."""


class StateActor:
    """What an actor of the pool runs: a part in, its states out.

    What a user can mend comes back as a value, since Ray Data tells of no error what it was.
    """

    def __init__(self, work: Any) -> None:
        torch.set_num_threads(1)
        self._reference = work
        self._known: tuple[StateWork, HeldLayers] | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        """A line a part: its states, flat, and what went wrong."""
        found: list[Array] = []
        problem: list[str] = []
        try:
            found = [self._computed(StatePart(**line)) for line in batch.to_pylist()]
        except MtlkdError as error:
            found = [np.zeros(0, np.float32)] * len(batch)
            problem = [error.what, error.where, error.fix]
        offsets = np.cumsum([0, *(states.size for states in found)])
        flat = np.concatenate([states.reshape(-1) for states in found])
        answered = batch.append_column("states", pa.LargeListArray.from_arrays(offsets, flat))
        return answered.append_column("problem", pa.array([problem] * len(batch), pa.list_(pa.string())))

    def _computed(self, part: StatePart) -> Array:
        if self._known is None:
            work: StateWork = ray.get(self._reference)
            self._known = (work, work.layers())
        work, layers = self._known
        return work.computed(layers, part)


def by_pool(work: StateWork, parts: Sequence[StatePart]) -> Iterator[tuple[StatePart, Array]]:
    """Actors on all CPUs of the cluster do; Ray is connected.

    Raises:
        MtlkdError: where `transformers` is not installed where they run, or the pool has given up.
    """
    size = min(room(Pool()), len(parts))
    actors = Actors(kind=StateActor, arguments=(ray.put(work),), least=1, most=size, cpus=1, gpus=0.0)
    questions = [pa.table({name: [value] for name, value in asdict(part).items()}) for part in parts]
    fix = "see Ray's logs; a sweep that is started again goes on from the parts that are kept"
    with quiet_core(), giving_up(fix=fix):
        for table in ask(actors, questions, stalled_s=_STALLED_S):
            lines = table.select(["side", "start", "stop"]).to_pylist()
            answers = zip(lines, _lists(table["states"]), table["problem"].to_pylist(), strict=True)
            for line, states, problem in answers:
                if problem:
                    what, where, fix = problem
                    raise MtlkdError(what, where=where, fix=fix)
                yield StatePart(**line), states.reshape(-1, work.width)


def quickest(pending: PendingStates, *, say: Callable[[str], None]) -> Compute:
    """Who is done first, by what a few rows took here."""
    actors, alone_s = room(Pool()), pending.size.seconds
    if not alone_s:
        return here
    pool_s = STARTED_S + alone_s / actors
    said = f"computing {pending.size.bytes / 1e6:,.0f} MB of states of {pending.work.setup}"
    if pool_s < alone_s:
        say(f"{said}: about {pool_s:.0f} s of {actors} cores")
        return by_pool
    say(f"{said}: about {alone_s:.0f} s of one core")
    return here


def telling(compute: Compute, *, say: Callable[[str], None]) -> Compute:
    """The same, and from time to time how far it is."""

    def computed(work: StateWork, parts: Sequence[StatePart]) -> Iterator[tuple[StatePart, Array]]:
        told = time.monotonic()
        for done, found in enumerate(compute(work, parts), start=1):
            yield found
            if time.monotonic() - told >= _TOLD_EVERY_S:
                told = time.monotonic()
                say(f"{done} of {len(parts)} parts of the states of {work.setup}")

    return computed


def _lists(column: pa.ChunkedArray) -> Iterator[Array]:
    """Each list's numbers, as they lie in the object store."""
    return (line.values.to_numpy() for chunk in column.chunks for line in chunk)

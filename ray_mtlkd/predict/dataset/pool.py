"""A pool of actors that do the parts of a data set.

A question is a part: each actor reads its rows from storage, and writes what it makes of them there, so that memory is
bounded whatever the size. What an actor leaves that dies is a draft.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import pyarrow as pa
import ray
import torch

from ray_mtlkd.cluster.actor_pool import Actors, Pool, ask, await_room, giving_up, room
from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.cluster.ray_logging import quiet_core
from ray_mtlkd.data.device import choose_device
from ray_mtlkd.errors import MtlkdError, flatten, raise_all
from ray_mtlkd.predict.dataset import output
from ray_mtlkd.predict.dataset.output import Written
from ray_mtlkd.predict.dataset.source import Part
from ray_mtlkd.predict.dataset.work import Done, Work, Worker, finish, peak_bytes
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import Storage, reaching

T = TypeVar("T")

STALLED_S = 3600
"""Without a part for so long, the pool ends with an error: somebody holds every CPU, or a part is far too large."""


class PartActor:
    """What an actor of the pool runs: a part in, what became of it out.

    What is wrong with the data comes back as a value: an error of the user's is told as one, whatever Ray wraps it in.

    Args:
        fetch: Gives what there is to do.
        gpus: What Ray has given this process.
    """

    def __init__(self, fetch: Callable[[], Work], gpus: float) -> None:
        torch.set_num_threads(1)
        self._work = fetch()
        self._gpus = gpus
        self._worker: Worker | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        """One line a part."""
        found = [self._do(_told(Part, line)) for line in batch["part"].to_pylist()]
        return pa.table({"done": [dumps(done) for done in found]})

    def _do(self, part: Part) -> Done:
        try:
            with relying_on_gpu(of_a_pool=True):
                self._worker = self._worker or Worker(self._work, device=choose_device(self._gpus))
                written = self._worker.do(part)
        except MtlkdError as error:
            return Done(written=None, problems=(_plain(error),))
        except OSError as error:
            fix = "make room, or see to the rights or the connection; the same command goes on"
            return Done(written=None, problems=((f"cannot be written ({error})", self._work.out, fix),))
        except ExceptionGroup as group:
            mistakes, rest = group.split(MtlkdError)
            if mistakes is None or rest is not None:
                raise
            return Done(written=None, problems=tuple(_plain(error) for error in flatten(mistakes)))
        return Done(written=written, start_bytes=self._worker.start_bytes, peak_bytes=peak_bytes())


def _told(kind: type[T], line: str) -> T:
    """A message between the pool and its actors."""
    return loads(kind, line, where="a message of the pool", fix="run the same version everywhere")


def _plain(error: MtlkdError) -> tuple[str, str, str]:
    return error.what, error.where, error.fix


def compute(work: Work, pool: Pool, *, tell: Callable[[Done], None]) -> None:
    """Do the parts that are left, and write the manifest; Ray is connected.

    Args:
        work: What is to be done; some parts are left.
        pool: Who does it.
        tell: Told of each part as it is done.

    Raises:
        MtlkdError: where rows do not fit, or the cluster has no room; ExceptionGroup of them, where there are several.
    """
    await_room(pool)
    with reaching(work.out):
        output.clean(Storage.at(work.out), work.layout)
    written: list[Written] = []
    with quiet_core():
        for done in _run(work, work.left, pool):
            raise_all(work.source.uri, [MtlkdError(what, where=at, fix=fix) for what, at, fix in done.problems])
            if done.written is not None:
                written.append(done.written)
                tell(done)
    finish(work, written)


def _run(work: Work, parts: Sequence[Part], pool: Pool) -> Iterator[Done]:
    """What becomes of each part, in whatever order."""
    size = min(pool.actors or room(pool), len(parts))
    lean = ray.put(work.lean)  # once, whatever the number of actors: it may hold an encoder's weights
    arguments = (partial(ray.get, lean), pool.gpus)
    actors = Actors(kind=PartActor, arguments=arguments, least=1, most=size, cpus=1, gpus=pool.gpus)
    questions = [pa.table({"part": [dumps(part)]}) for part in parts]
    with giving_up(fix="see Ray's logs; smaller --rows-per-part lose less, and the same command goes on"):
        for batch in ask(actors, questions, stalled_s=STALLED_S):
            yield from (_told(Done, line) for line in batch["done"].to_pylist())

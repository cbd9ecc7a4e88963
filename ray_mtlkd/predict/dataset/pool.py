"""A Ray Data actor pool that does the parts of a data set.

The data set of Ray Data holds a line a part and no row of the table, so that memory is bounded whatever the size: each
actor reads its part's rows from storage, and writes their labels there. An actor that dies is started again by Ray, and
its part is done again; what it left is a draft.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import pyarrow as pa
import ray
import ray.data
import torch
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import ObjectLostError, RayActorError, RaySystemError

from ray_mtlkd.cluster.address import address
from ray_mtlkd.cluster.gpu import relying_on_gpu
from ray_mtlkd.cluster.ray_logging import quiet_core, quiet_data
from ray_mtlkd.cluster.ray_private import dataset_of
from ray_mtlkd.data.device import choose_device
from ray_mtlkd.errors import MtlkdError, first_line, flatten, raise_all
from ray_mtlkd.predict.dataset import output
from ray_mtlkd.predict.dataset.output import Written
from ray_mtlkd.predict.dataset.source import Part
from ray_mtlkd.predict.dataset.work import Done, Work, Worker, finish, peak_bytes
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import Storage, reaching

T = TypeVar("T")

STALLED_S = 3600
"""Without a part for so long, the pool ends with an error: somebody holds every CPU, or a part is far too large."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How many actors work, and what each of them holds.

    Attributes:
        actors: At most; None for as many as the cluster has room for.
        gpus: Of each actor; above 0, the teacher predicts on a GPU.
        wait_s: How long to wait for room for the first of them.
    """

    actors: int | None = None
    gpus: float = 0.0
    wait_s: float = 60.0


class PartActor:
    """What an actor of the pool runs: a part in, what became of it out.

    What is wrong with the data comes back as a value: an error of the user's is told as one, whatever Ray wraps it in.
    """

    def __init__(self, work: Work, gpus: float) -> None:
        torch.set_num_threads(1)
        self._work = work
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


def relabel(work: Work, pool: Pool, *, tell: Callable[[Done], None]) -> None:
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
        output.clean(Storage.at(work.out))
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
    blocks = [pa.table({"part": [dumps(part)]}) for part in parts]
    with quiet_data(stalled_s=STALLED_S):
        # Blocks that exist already start no task that would wait for a CPU beside the actors.
        dataset = dataset_of(blocks).map_batches(
            PartActor,
            fn_constructor_args=(work.lean, pool.gpus),
            compute=ray.data.ActorPoolStrategy(
                min_size=1, max_size=size, initial_size=size, max_tasks_in_flight_per_actor=1
            ),
            num_cpus=1,
            num_gpus=pool.gpus or None,
            batch_size=1,
            batch_format="pyarrow",
        )
        try:
            for batch in dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
                yield from (_told(Done, line) for line in batch["done"].to_pylist())
        except (ExecutionTimeoutError, RayActorError, RaySystemError, ObjectLostError) as error:
            raise MtlkdError(
                f"the pool has given up ({first_line(error)})",
                where="RAY_ADDRESS" if address() else "this machine",
                fix="see Ray's logs; smaller --rows-per-part lose less, and the same command goes on",
            ) from error


def room(pool: Pool) -> int:
    """Actors that fit on the cluster as it is now, were it empty."""
    there = ray.cluster_resources()
    fitting = int(there.get("CPU", 0))
    if pool.gpus:
        fitting = min(fitting, int(there.get("GPU", 0) / pool.gpus))
    return max(fitting, 1)


def await_room(pool: Pool) -> None:
    """Return once an actor could start; a cluster that grows is given a reason to.

    Raises:
        MtlkdError: where none could within the time.
    """
    # A task that holds what an actor will: asking for the free resources would make no cluster grow.
    probe = ray.remote(num_cpus=1, num_gpus=pool.gpus)(lambda: None).remote()
    ready, _ = ray.wait([probe], timeout=pool.wait_s)
    if not ready:
        ray.cancel(probe, force=True)
        wanted = f"1 CPU and {pool.gpus:g} GPUs" if pool.gpus else "1 CPU"
        raise MtlkdError(
            f"the cluster has had no room for an actor ({wanted}) for {pool.wait_s:g} s",
            where="RAY_ADDRESS" if address() else "this machine",
            fix="wait until others have finished, or give it more time with --wait",
        )

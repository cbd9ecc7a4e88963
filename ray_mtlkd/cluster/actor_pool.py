"""A pool of actors by Ray Data: questions of a line each go in, what actors answer comes out, some at a time.

No row of a table is in the data set of Ray Data, so that neither its size nor Ray's blocks decide who holds what. An
actor that dies is started again by Ray, and is asked again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import ray
import ray.data
from ray.data.exceptions import ExecutionTimeoutError
from ray.exceptions import ObjectLostError, OutOfMemoryError, RayActorError, RaySystemError

from ray_mtlkd.cluster.address import address
from ray_mtlkd.cluster.ray_logging import quiet_data
from ray_mtlkd.cluster.ray_private import dataset_of
from ray_mtlkd.errors import MtlkdError, first_line


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How many actors work, and what each of them holds.

    Attributes:
        actors: At most; None for as many as the cluster has room for.
        gpus: Of each actor; above 0, it computes on a GPU.
        wait_s: How long to wait for room for the first of them.
    """

    actors: int | None = None
    gpus: float = 0.0
    wait_s: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Actors:
    """The actors of one execution.

    Attributes:
        kind: A class whose instances answer a table of questions by one of answers.
        arguments: Of its constructor; what is large goes as a reference.
        least: So many must run; the others join as there is room.
        most: At most one a question is of use.
        cpus: Of each; 0 where every CPU may be held by who asks.
        gpus: Likewise.
        asked: Questions that one has at a time.
    """

    kind: type
    arguments: tuple[Any, ...]
    least: int
    most: int
    cpus: float
    gpus: float
    asked: int = 1


def ask(
    actors: Actors, questions: Sequence[pa.Table], *, stalled_s: float, in_order: bool = False
) -> Iterator[pa.Table]:
    """What the actors answer, as it comes.

    Args:
        questions: Of a line each.
        stalled_s: Without an answer for so long, there is an error instead of waiting for ever.
        in_order: Whether answers come in the order of the questions.
    """
    with quiet_data(stalled_s=stalled_s, in_order=in_order):
        # blocks that exist already start no task that would wait for a CPU
        dataset = dataset_of(list(questions)).map_batches(
            actors.kind,
            fn_constructor_args=actors.arguments,
            compute=ray.data.ActorPoolStrategy(
                min_size=actors.least,
                max_size=actors.most,
                initial_size=actors.most,
                max_tasks_in_flight_per_actor=actors.asked,
            ),
            num_cpus=actors.cpus,
            num_gpus=actors.gpus or None,
            batch_size=1,
            batch_format="pyarrow",
        )
        yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)


@contextmanager
def giving_up(*, fix: str) -> Iterator[None]:
    """Tell of a pool in the body that Ray ends.

    Raises:
        MtlkdError: instead of Ray's error.
    """
    try:
        yield
    except (ExecutionTimeoutError, RayActorError, RaySystemError, ObjectLostError, OutOfMemoryError) as error:
        raise MtlkdError(f"the pool has given up ({first_line(error)})", where=_place(), fix=fix) from error


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
            where=_place(),
            fix="wait until others have finished, or give it more time with --wait",
        )


def _place() -> str:
    return "RAY_ADDRESS" if address() else "this machine"

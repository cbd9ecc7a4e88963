"""What a sweep asks of a cluster beside its trials, and whether this machine has it."""

from collections.abc import Sequence

import ray

from ray_mtlkd.cluster.address import address
from ray_mtlkd.data.device import check_cuda
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.sweep.relabel import LEAST_FREE_CPUS
from ray_mtlkd.training.settings import Relabelling

_UNITS = 10_000
"""Ray counts resources in ten-thousandths."""


def shared_actors(prepared: Prepared) -> tuple[float, ...]:
    """What each shared actor holds of a GPU: as many of them as trials must find, or may find faster than themselves.

    Ray is connected.
    """
    # Beside a single trial: a cluster that others made may have grown by then.
    free = ray.cluster_resources().get("CPU", 0) - prepared.space.resources.cpus
    may = address() is not None or free >= LEAST_FREE_CPUS
    asking = [each for each in _relabelling(prepared) if each.where == "shared" or (each.where == "auto" and may)]
    if not asking:
        return ()
    return (max(each.gpus_per_actor for each in asking),) * max(each.pool_size for each in asking)


def check_room(prepared: Prepared) -> None:
    """Make sure that a trial and its relabelling fit beside each other; Ray is connected.

    Raises:
        MtlkdError: on a cluster of this machine alone, where they would wait for ever.
    """
    if address() is not None:
        return
    trial = prepared.space.resources
    pooled = max((each.gpus_per_actor for each in _relabelling(prepared) if each.where == "pool"), default=0.0)
    gpus = whole_gpus([*shared_actors(prepared), trial.gpus, pooled])
    there = ray.cluster_resources()
    if there.get("CPU", 0) < trial.cpus or there.get("GPU", 0) < gpus:
        raise MtlkdError(
            f"a trial with its relabelling asks for {trial.cpus} CPUs and {gpus} GPUs,"
            f" this machine has {there.get('CPU', 0):g} and {there.get('GPU', 0):g}",
            where="resources",
            fix="ask for less, or connect to a cluster by RAY_ADDRESS",
        )
    if gpus:
        check_cuda()


def whole_gpus(shares: Sequence[float]) -> int:
    """GPUs that processes take up which hold these shares: Ray gives no process parts of two."""
    left: list[int] = []
    for share in sorted((round(share * _UNITS) for share in shares if share), reverse=True):
        fitting = [at for at, free in enumerate(left) if free >= share]
        if share > _UNITS:
            left += [0] * (share // _UNITS)
        elif fitting:
            left[fitting[0]] -= share
        else:
            left.append(_UNITS - share)
    return len(left)


def _relabelling(prepared: Prepared) -> list[Relabelling]:
    """Of the configurations that relabel."""
    configurations = (trial.configuration for trial in prepared.plan.distinct())
    return [each.relabel for each in configurations if each.strategy.curriculum.role == "kd"]

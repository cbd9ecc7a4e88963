"""What a sweep asks of a cluster beside its trials, and whether this machine has it."""

import ray

from ray_mtlkd.cluster.address import address
from ray_mtlkd.data.device import check_cuda
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.machine import relabelling, whole_gpus
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.sweep.relabel import LEAST_FREE_CPUS


def shared_actors(prepared: Prepared) -> tuple[float, ...]:
    """What each shared actor holds of a GPU: as many of them as trials must find, or may find faster than themselves.

    Ray is connected.
    """
    # Beside a single trial: a cluster that others made may have grown by then.
    free = ray.cluster_resources().get("CPU", 0) - prepared.space.resources.cpus
    may = address() is not None or free >= LEAST_FREE_CPUS
    asking = [each for each in relabelling(prepared) if each.where == "shared" or (each.where == "auto" and may)]
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
    pooled = max((each.gpus_per_actor for each in relabelling(prepared) if each.where == "pool"), default=0.0)
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

"""Says what workers import of a folder that this process was told of: of this machine's own cluster, or of another."""

import os
import sys

import ray
from ray.cluster_utils import Cluster

from ray_mtlkd.cluster.connection import connect


@ray.remote(num_cpus=0)
def _word():
    import somebodys_own  # noqa: PLC0415 - it is there on the worker alone

    return somebodys_own.WORD


def main(code):
    with connect(preload=False, code=code) as cluster:
        cluster.wait()
        sys.stdout.write(f"own: {ray.get(_word.remote())}\n")
    assert code not in os.environ.get("PYTHONPATH", "")
    others = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    os.environ["RAY_ADDRESS"] = others.address
    try:
        with connect(preload=False, code=code) as cluster:
            cluster.wait()
            sys.stdout.write(f"other: {ray.get(_word.remote())}\n")
    finally:
        others.shutdown()


main(sys.argv[1])

"""Relabels data sets by a pool of this machine's own cluster, and says as JSON what became of it.

Usage: relabel_on_ray.py MODEL DATA LARGE OUT
"""

import json
import logging
import os
import signal
import sys

import ray

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.pool import Pool, relabel
from ray_mtlkd.predict.dataset.work import plan

OBJECT_STORE_BYTES = 80 * 2**20  # about the least that Ray starts with


@ray.remote(num_cpus=2)
class _Holder:
    def ready(self):
        return True


def main(model, data, large, out):
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )

    def run(name, folder, *, key=(), kill=False, rows_per_part, **pool):
        settings = Settings(task="segment", key=key)
        work = plan(checkpoint=model, data=folder, out=f"{out}/{name}", settings=settings, rows_per_part=rows_per_part)
        seen = []

        def tell(done):
            seen.append(done)
            if kill and len(seen) == 1:
                os.kill(done.pid, signal.SIGKILL)

        relabel(work, Pool(**pool), tell=tell)
        return {
            "actors": len({done.pid for done in seen}),
            "grown_bytes": max(done.peak_bytes - done.start_bytes for done in seen),
        }

    told = {
        "killed": run("killed", data, rows_per_part=1024, actors=1, kill=True),
        "large": run("large", large, key=("payload",), rows_per_part=2**13, actors=2),
    }
    holder = _Holder.remote()
    ray.get(holder.ready.remote())
    try:
        run("held", data, rows_per_part=1024, actors=2, wait_s=1.0)
    except MtlkdError as error:
        told["held"] = str(error)
    sys.stdout.write(json.dumps(told) + "\n")
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

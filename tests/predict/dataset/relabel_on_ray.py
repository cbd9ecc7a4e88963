"""Relabels a data set by a pool of a cluster with a small object store, and says how much memory the actors took.

Usage: relabel_on_ray.py MODEL DATA OUT
"""

import logging
import sys

import ray

from ray_mtlkd.cluster.actor_pool import Pool
from ray_mtlkd.predict.dataset.labelling import plan
from ray_mtlkd.predict.dataset.labels import Settings
from ray_mtlkd.predict.dataset.pool import compute

OBJECT_STORE_BYTES = 80 * 2**20  # about the least that Ray starts with


def main(model, data, out):
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=OBJECT_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    settings = Settings(task="segment", key=("payload",))
    work = plan(model=model, data=data, out=out, settings=settings, rows_per_part=2**13)
    seen = []
    compute(work, Pool(actors=2), tell=seen.append)
    grown = max(done.peak_bytes - done.start_bytes for done in seen)
    sys.stdout.write(f'{{"grown_bytes": {grown}}}\n')
    ray.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])

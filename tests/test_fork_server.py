import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import ray


class Worker:
    """Tells of its process."""

    def knows_trials(self):
        """Whether it has imported what they need."""
        return "ray_mtlkd.sweep.trial" in sys.modules

    def drawn(self):
        """Names of objects to come, drawn in the first thread and in another."""
        with ThreadPoolExecutor(1) as other:
            draw = ray.ObjectRef.from_random
            return draw().hex(), other.submit(draw).result().hex()


@pytest.fixture(scope="module")
def workers(cluster):
    assert cluster
    workers = [ray.remote(num_cpus=0)(Worker).remote() for _ in range(2)]
    yield workers
    for worker in workers:
        ray.kill(worker)


@pytest.mark.ray
def test_workers_of_the_run_s_cluster_have_imported_what_trials_need(workers):
    assert all(ray.get([worker.knows_trials.remote() for worker in workers]))


@pytest.mark.ray
def test_no_two_workers_give_objects_the_same_name(workers):
    first, second = ray.get([worker.drawn.remote() for worker in workers])
    assert len({*first, *second}) == 4

import sys

import pytest
import ray


def _knows_trials():
    return "ray_mtlkd.sweep.trial" in sys.modules


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
def test_workers_of_the_run_s_cluster_have_imported_what_trials_need():
    assert ray.get(ray.remote(num_cpus=0)(_knows_trials).remote())

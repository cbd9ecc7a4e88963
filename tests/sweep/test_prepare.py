import pytest

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space


def _prepare(value):
    return prepare(decode_space(value, where="space.yaml"), data_dir=None, say=lambda _: None)


def test_pools_that_would_wait_for_the_gpus_of_trials_are_refused(space_value):
    relabel = {"where": "pool", "gpus_per_actor": 1.0}
    with pytest.raises(MtlkdError, match="trials would hold the GPUs that their pools wait for"):
        _prepare(space_value(relabel=relabel, resources={"gpus": 1.0}))
    assert _prepare(space_value(relabel=relabel)).plan.size
    assert _prepare(space_value(relabel={**relabel, "where": "shared"}, resources={"gpus": 1.0})).plan.size

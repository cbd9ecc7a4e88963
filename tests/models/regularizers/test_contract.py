"""Every regularizer on every way of sharing."""

from dataclasses import dataclass

import pytest

from ray_mtlkd.models.regularizers import REGULARIZERS
from ray_mtlkd.models.regularizers.cluster import TaskClusters
from ray_mtlkd.models.sharing import SHARING
from ray_mtlkd.testing import check_regularizer
from tests.models.conftest import NUMBERS

EVERY = {name: config() for name, config in REGULARIZERS.items()} | {"cluster": TaskClusters(clusters=1)}


@pytest.mark.parametrize("sharing", SHARING)
@pytest.mark.parametrize("name", EVERY)
def test_every_regularizer_keeps_its_promises(name, sharing):
    check_regularizer(EVERY[name], sharing=SHARING[sharing]())


def test_a_step_that_nobody_can_watch_is_no_regularizer():
    @dataclass(frozen=True)
    class Unwatched:
        name = "unwatched"

        penalty = shrink = print

    assert "`value`" in REGULARIZERS.misfit(Unwatched)


@pytest.mark.parametrize("name", ["mean_constraint", "graph", "cluster", "matrix_normal"])
def test_between_tasks_it_asks_nothing_of_a_task_alone(made, name):
    assert EVERY[name].penalty(made(SHARING["hard"](), (NUMBERS,))) is None

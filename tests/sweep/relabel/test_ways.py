"""Three ways to relabel, one result, and no waiting for CPUs that somebody else holds."""

import re

import pytest
import torch

from tests.scripts import json_in, printed_by
from tests.sweep.relabel.busy import PREDICTING, Killer, assert_same, relabel_in_every_way

pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What becomes of relabelling on a cluster of one CPU and two GPUs that PyTorch misses."""
    folder = tmp_path_factory.mktemp("gpus")
    return json_in(printed_by("-m", "tests.sweep.relabel.relabel_on_gpus", folder))


def test_all_ways_agree_and_none_waits_for_the_only_cpu_while_two_trials_want_it(told):
    assert told["agree"] == 2


@pytest.mark.usefixtures("cluster")
def test_all_ways_agree_while_trials_hold_every_cpu_and_actors_are_killed_while_they_predict():
    killer = Killer()
    killer.start()
    try:
        results = relabel_in_every_way(3, width=1024)  # wide enough for actors to be seen at work
    finally:
        killer.done.set()
    assert len(results) == 3
    assert_same(results)
    assert killer.killed.keys() == set(PREDICTING)


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch finds the GPUs that it should miss")
def test_actors_get_the_gpus_that_they_ask_for_start_again_where_one_fails_and_say_so_where_there_is_none(told):
    """Two shared actors hold one of two GPUs; of the pool's two actors, which ask for one each, the first goes on."""
    for where in ("shared", "pool"):
        assert re.fullmatch(r"\S+: Ray counts a GPU here, but PyTorch \S+ finds none; .*", told["without"][where])
        assert told["instead"][where] is True
    assert "the GPU fails again and again (an illegal memory access was encountered); look at" in told["broken"]
    assert told["failed"] == ["failed-0.5", "failed-1.0"]
    assert told["given"] == [["0.5", "0"], ["0.5", "0"], ["1.0", "1"]]

"""Three ways to relabel, one result, and no waiting for CPUs that somebody else holds."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.scripts import json_in

pytestmark = pytest.mark.ray

SCRIPT = Path(__file__).with_name("relabel_while_busy.py")
GPUS = Path(__file__).with_name("relabel_on_gpus.py")


@pytest.mark.parametrize(("cpus", "trials", "how"), [(1, 2, []), (2, 3, ["kill"])])
def test_all_ways_agree_and_none_waits_for_a_cpu_while_trials_hold_all_of_them(cpus, trials, how):
    """More trials than CPUs; on the second cluster, actors are killed while they predict."""
    printed = _run(SCRIPT, cpus, trials, *how)
    assert f"{trials} trials agree" in printed.splitlines()  # Ray may print of the killed ones afterwards


def _run(script, *arguments):
    """What a script prints."""
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(torch.cuda.is_available(), reason="PyTorch finds the GPUs that it should miss")
def test_actors_get_the_gpus_that_they_ask_for_start_again_where_one_fails_and_say_so_where_there_is_none(tmp_path):
    """Two shared actors hold one of two GPUs; of the pool's two actors, which ask for one each, the first goes on."""
    told = json_in(_run(GPUS, tmp_path))
    for where in ("shared", "pool"):
        assert re.fullmatch(r"\S+: Ray counts a GPU here, but PyTorch \S+ finds none; .*", told["without"][where])
        assert told["instead"][where] is True
    assert "the GPU fails again and again (an illegal memory access was encountered); look at" in told["broken"]
    assert told["failed"] == ["failed-0.5", "failed-1.0"]
    assert told["given"] == [["0.5", "0"], ["0.5", "0"], ["1.0", "1"]]

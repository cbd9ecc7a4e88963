"""Three ways to relabel, one result, and no waiting for CPUs that somebody else holds."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

SCRIPT = Path(__file__).with_name("relabel_while_busy.py")


@pytest.mark.parametrize(("cpus", "trials", "how"), [(1, 2, []), (2, 3, ["kill"])])
def test_all_ways_agree_and_none_waits_for_a_cpu_while_trials_hold_all_of_them(cpus, trials, how):
    """More trials than CPUs; on the second cluster, actors are killed while they predict."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(cpus), str(trials), *how],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"{trials} trials agree" in done.stdout.splitlines()  # Ray may print of the killed ones afterwards

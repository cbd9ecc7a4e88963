"""Real drivers of one sweep: while another one drives, after it died or was thought dead, and as one is stopped.

Other signals, and other moments, are in tests/faults/test_driver.py.
"""

import os
import signal
import time

import pytest

from ray_mtlkd.seals import sealed_json
from ray_mtlkd.serial import dumps
from ray_mtlkd.sweep.lock import Claim
from tests.processes import marked
from tests.scripts import LIMIT_S
from tests.sweeps import start, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.kill]

SPACE = """
name: long
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 1000000, batch_size: 8, eval_every: 100}
strategies: [sum]
replicate: {configurations: 1, seeds: [1]}
resources: {checkpoint_every_s: 0}
classical: false
"""


@pytest.fixture
def out(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    return tmp_path / "out"


def _claims(out):
    return [path.name for path in out.glob("driver-*.json")]


def _trains(out):
    """Whether a trial has been evaluated since a moment [ns]."""
    return lambda since: any(path.stat().st_mtime_ns > since for path in out.glob("checkpoints/*/checkpoint.json"))


def test_a_sweep_has_one_driver_and_a_dead_one_or_one_that_was_thought_dead_gives_way(out, cluster, here):
    first = start(out.parent / "space.yaml", "--out", out, on=cluster)
    wait_for(lambda: _trains(out)(0))
    (claim,) = _claims(out)
    second = here("sweep", "--resume", out)
    assert second.returncode == 2
    assert f"process {first.pid} on" in second.stderr
    assert _claims(out) == [claim]

    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    killed = time.time_ns()
    third = start("--resume", out, on=cluster)
    # trials of the dead driver may go on for a moment
    wait_for(lambda: claim not in _claims(out) and _trains(out)(killed))
    (own,) = _claims(out)
    thief = Claim(
        name="thief", host="far", machine="far", pid=1, started="", over=(own.removeprefix("driver-")[: -len(".json")],)
    )
    (out / "driver-thief.json").write_bytes(sealed_json(dumps(thief)))
    printed, errors = third.communicate(timeout=LIMIT_S)
    assert f"process {first.pid} on" in printed
    assert third.returncode == 2
    (line,) = errors.splitlines()
    assert line.startswith(f"error: {out}: ")
    assert _claims(out) == ["driver-thief.json"]


def test_a_sweep_that_is_stopped_says_how_to_go_on_and_leaves_no_process(out, monkeypatch):
    monkeypatch.setenv("RAY_OVERRIDE_RESOURCES", '{"CPU": 1}')  # a second worker would import for nothing
    mark = f"MARK={out}"
    monkeypatch.setenv(*mark.split("="))
    driver = start(out.parent / "space.yaml", "--out", out)
    wait_for(lambda: _trains(out)(0))
    driver.send_signal(signal.SIGTERM)
    printed, errors = driver.communicate(timeout=LIMIT_S)
    assert driver.returncode == 143, errors
    assert errors == ""
    assert f"--resume {out}" in printed
    wait_for(lambda: not marked(mark))
    assert not _claims(out)

"""A sweep that is sent as one of Ray's jobs, to a cluster of a head that holds no trial and another node."""

import os
import time

import pytest

from ray_mtlkd.sweep.progress import progress_of
from tests.cluster.nodes import RAY, free_port, head, joined, keys, wait_for
from tests.scripts import run

pytest.importorskip("aiohttp_cors", reason="ray[default] is not installed: pip install 'ray-mtlkd[jobs]'")

_UNTIL_S = 120
_NOT_YET = ("No available agent", "Failed to connect")
SPACE = """
name: sent
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 20, batch_size: 16, eval_every: 10}
strategies: [sum, pcgrad]
replicate: {configurations: 1, seeds: [1]}
resources: {keep_models: none, keep_predictions: false}
classical: false
"""


def _submitted(*words, on):
    """A job that has ended; for some seconds after its start, a cluster takes none."""
    until = time.monotonic() + _UNTIL_S
    while True:
        done = run([str(RAY), "job", "submit", *words], on=on)
        if not any(said in done.stderr for said in _NOT_YET) or time.monotonic() > until:
            return done
        time.sleep(1)


@pytest.mark.ray
def test_a_sweep_may_be_sent_as_a_job(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "space.yaml").write_text(SPACE)
    token = keys(tmp_path)
    environment = {**os.environ, **token, "PATH": f"{RAY.parent}:{os.environ['PATH']}"}
    port, board, out = free_port(), free_port(), tmp_path / "out"
    first = head(f"--dashboard-port={board}", "--num-cpus=0", port=port, environment=environment)
    with first as node, joined("--num-cpus=1", address=f"127.0.0.1:{port}", environment=environment):
        wait_for(board, node)
        sweep = ["ray-mtlkd", "sweep", "space.yaml", "--out", str(out)]
        address = ("--address", f"http://127.0.0.1:{board}", "--working-dir", str(tmp_path / "work"))
        done = _submitted(*address, "--", *sweep, on=token)
    assert done.returncode == 0, done.stdout + done.stderr
    found = progress_of(str(out))
    assert (found.ended, found.failed, found.planned) == (2, 0, 2)

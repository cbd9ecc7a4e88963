"""A sweep that is sent as one of Ray's jobs, to a cluster of a head that holds no trial and another node."""

import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

import pytest

from ray_mtlkd.sweep.progress import progress_of
from tests.scripts import LIMIT_S, run

pytest.importorskip("aiohttp_cors", reason="ray[default] is not installed: pip install 'ray-mtlkd[jobs]'")

RAY = Path(sys.executable).parent / "ray"
_STARTS, _UP_S = 5, 20
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


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _wait_for(port, node):
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and node.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"nobody listens at port {port}; the node ended with {node.poll()}")


@contextmanager
def _started(*words, environment):
    start = [RAY, "start", *words, "--disable-usage-stats", "--block"]
    node = Popen(start, env=environment, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
    try:
        yield node
    finally:
        os.killpg(node.pid, signal.SIGKILL)  # all of the node's processes; in order it takes half a minute
        node.wait()


@contextmanager
def _joined(address, *, environment):
    """Another node; one that Ray could not start, which ports of others may cause, is started again."""
    for _ in range(_STARTS):
        with _started(f"--address={address}", "--num-cpus=1", environment=environment) as node:
            try:
                node.wait(_UP_S)
            except TimeoutExpired:
                yield
                return
    raise RuntimeError(f"no node joins {address}")


def _submitted(*words, keys):
    """A job that has ended; for some seconds after its start, a cluster takes none."""
    until = time.monotonic() + LIMIT_S
    while True:
        done = run([str(RAY), "job", "submit", *words], on=keys)
        if not any(said in done.stderr for said in _NOT_YET) or time.monotonic() > until:
            return done
        time.sleep(1)


@pytest.mark.ray
def test_a_sweep_may_be_sent_as_a_job(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "space.yaml").write_text(SPACE)
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    keys = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    environment = {**os.environ, **keys, "PATH": f"{RAY.parent}:{os.environ['PATH']}"}
    port, board, out = _free_port(), _free_port(), tmp_path / "out"
    head = ("--head", f"--port={port}", f"--dashboard-port={board}", "--num-cpus=0")
    with (
        tempfile.TemporaryDirectory(prefix="ray-") as short,  # sockets have short names
        _started(*head, f"--temp-dir={short}", environment=environment) as first,
    ):
        _wait_for(board, first)
        with _joined(f"127.0.0.1:{port}", environment=environment):
            sweep = ["ray-mtlkd", "sweep", "space.yaml", "--out", str(out)]
            address = ("--address", f"http://127.0.0.1:{board}", "--working-dir", str(tmp_path / "work"))
            done = _submitted(*address, "--", *sweep, keys=keys)
    assert done.returncode == 0, done.stdout + done.stderr
    found = progress_of(str(out))
    assert (found.ended, found.failed, found.planned) == (2, 0, 2)

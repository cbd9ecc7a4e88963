"""A cluster whose head dies under a sweep."""

import os
import signal
import socket
import subprocess
import sys
import time
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from ray_mtlkd.cluster import head_watch
from tests.cluster.nodes import free_port, head, keys
from tests.processes import below
from tests.scripts import LIMIT_S

SPACE = """
name: headless
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 100000, batch_size: 16, eval_every: 100}
strategies: [sum]
replicate: {configurations: 1, seeds: [1]}
resources: {checkpoint_every_s: 0}
classical: false
"""
IMPATIENT = """
from ray_mtlkd.cluster import head_watch
head_watch._EVERY_S = 0.5
from ray_mtlkd.cli import main
main()
"""


@pytest.mark.ray
@pytest.mark.kill
def test_a_sweep_whose_head_dies_says_how_to_go_on_in_one_line(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    port, out = free_port(), tmp_path / "out"
    environment = {**os.environ, **keys(tmp_path)}
    sweep = [sys.executable, "-c", IMPATIENT, "sweep", str(tmp_path / "space.yaml"), "--out", str(out)]
    with head("--num-cpus=1", "--include-dashboard=false", port=port, environment=environment) as node:
        driver = subprocess.Popen(
            sweep,
            env={**environment, "RAY_ADDRESS": f"127.0.0.1:{port}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + LIMIT_S
        while not list(out.glob("checkpoints/*/checkpoint.json")):
            assert driver.poll() is None, driver.communicate()
            assert time.monotonic() < until
            time.sleep(0.1)
        (store,) = (pid for pid, command in below(node.pid).items() if "/gcs_server " in command)
        killed = time.monotonic()
        os.kill(store, signal.SIGKILL)  # what makes a node the head
        _, said = driver.communicate(timeout=LIMIT_S)
    spent = time.monotonic() - killed
    assert driver.returncode == 2, (spent, said)
    (line,) = [line for line in said.splitlines() if "--resume" in line]
    assert str(out) in line
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [b"hello", b""], ids=["speaks", "hangs up"])
def test_who_says_something_or_hangs_up_is_there(words):
    def serve():
        with server.accept()[0] as other:
            other.sendall(words)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=serve)
        thread.start()
        assert head_watch._answers(*server.getsockname())
        thread.join()


def test_a_process_that_is_stopped_is_not_there_though_the_system_takes_connections_for_it(monkeypatch):
    monkeypatch.setattr(head_watch, "_KNOCK_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not head_watch._answers(*server.getsockname())


@pytest.mark.parametrize(("answers", "told"), [([False] * 4, 1), ([False, False, False, True] * 2, 0)])
def test_a_head_is_gone_that_has_not_answered_four_times_one_after_the_other(monkeypatch, answers, told):
    asked, heard, left = Event(), [], iter(answers)

    def answer(host, port):
        try:
            return next(left)
        except StopIteration:
            asked.set()
            return True

    monkeypatch.setattr(head_watch, "_EVERY_S", 0.01)
    monkeypatch.setattr(head_watch, "_answers", answer)
    context = SimpleNamespace(gcs_address="10.0.0.1:6379")
    monkeypatch.setattr(head_watch.ray, "get_runtime_context", lambda: context)

    def tell(problem):
        heard.append(problem)
        asked.set()

    with head_watch.watching_head(tell, fix="start it again"):
        assert asked.wait(LIMIT_S)
    assert [(problem.where, problem.fix) for problem in heard] == [("this machine", "start it again")] * told


def test_at_a_port_where_nobody_listens_nobody_is():
    assert not head_watch._answers("127.0.0.1", free_port())

"""Whether a cluster's head is there; heads that die under a sweep are in tests/faults/test_machines.py."""

import socket
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from ray_mtlkd.cluster import head_watch
from tests.cluster.nodes import free_port
from tests.scripts import LIMIT_S


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

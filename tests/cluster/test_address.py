import socket
import threading
import time

import pytest

from ray_mtlkd.cluster import address as module
from ray_mtlkd.cluster.address import address, reach
from ray_mtlkd.errors import MtlkdError


@pytest.fixture
def free_port():
    """A port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize(("named", "found"), [("head:1", "head:1"), ("auto", "auto"), ("", None), ("local", None)])
def test_a_cluster_of_others_is_one_that_is_named(named, found, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", named)
    assert address() == found


def test_an_address_at_which_somebody_listens_is_reached_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        reach(f"127.0.0.1:{server.getsockname()[1]}", wait_s=0)


def test_a_cluster_that_begins_to_listen_is_waited_for(free_port, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.05)
    opened = []
    threading.Timer(0.3, lambda: opened.append(socket.create_server(("127.0.0.1", free_port)))).start()
    reach(f"127.0.0.1:{free_port}", wait_s=20)
    opened[0].close()


def test_where_nobody_listens_the_error_names_the_address_in_time(free_port, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.05)
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free_port}")
    began = time.monotonic()
    with pytest.raises(MtlkdError) as caught:
        reach(f"127.0.0.1:{free_port}", wait_s=0.3)
    assert time.monotonic() - began < 10
    assert caught.value.where == f"RAY_ADDRESS=127.0.0.1:{free_port}"
    assert "--wait" in caught.value.fix


def test_a_machine_that_does_not_answer_is_given_no_more_time_than_the_user_gives(monkeypatch, refused):
    patience = []

    def connect(_, *, timeout):
        patience.append(timeout)
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with refused():
        reach("127.0.0.1:1", wait_s=0)
    assert patience == [1.0]


def test_a_name_that_no_machine_has_is_an_error_at_once(monkeypatch, refused):
    def connect(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", connect)
    monkeypatch.setenv("RAY_ADDRESS", "haed:6379")
    with refused():
        reach("haed:6379", wait_s=1e9)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ("head:7", ("head", 7)),
        ("[::1]:7", ("::1", 7)),
        ("ray://head:7", ("head", 7)),
        ("ray://head", ("head", 10001)),
        ("auto", None),
        ("other://somewhere", None),
    ],
)
def test_who_is_asked(named, found, monkeypatch):
    asked = []

    def connect(place, *, timeout):
        asked.append(place)
        return socket.socket()

    monkeypatch.setattr(socket, "create_connection", connect)
    reach(named, wait_s=0)
    assert asked == ([] if found is None else [found])


@pytest.mark.parametrize("named", ["head:99999", "head", ":7", "head:port"])
def test_what_is_no_address_is_an_error(named, monkeypatch, refused):
    monkeypatch.setenv("RAY_ADDRESS", named)
    with refused():
        reach(named, wait_s=0)

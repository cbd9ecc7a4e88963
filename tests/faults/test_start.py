"""Clusters that do not answer, and a Ray of this machine that does not start."""

import os
import signal
import socket
import time
from contextlib import ExitStack, suppress

import pytest

from tests.cluster.nodes import free_port
from tests.faults.drivers import ended
from tests.sweeps import wait_for

pytestmark = pytest.mark.fault
IN_TIME_S = 60


def _line(place, folder, variables):
    """The one line in which a sweep says that there is no Ray."""
    began = time.monotonic()
    _, told = ended(place.sweep(folder / "space.yaml", "--out", place.out, on=variables), code=2)
    assert time.monotonic() - began < IN_TIME_S
    (line,) = told.splitlines()
    assert not place.out.exists()
    return line


def test_where_nobody_listens(folder, place):
    address = f"127.0.0.1:{free_port()}"
    assert address in _line(place, folder, {"RAY_ADDRESS": address})


def test_a_machine_that_does_not_answer(folder, place):
    address = "198.51.100.1:6379"  # of the block for documentation, where no machine is
    assert address in _line(place, folder, {"RAY_ADDRESS": address})


@pytest.mark.parametrize("talks", [False, True], ids=["silent", "no Ray"])
def test_somebody_else_listens(folder, place, talks):
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as held:
        server.settimeout(0.2)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        driver = place.sweep(folder / "space.yaml", "--out", place.out, on={"RAY_ADDRESS": address})
        began = time.monotonic()
        while driver.poll() is None:
            assert time.monotonic() - began < IN_TIME_S
            try:
                other = held.enter_context(server.accept()[0])
                if talks:
                    other.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:
                continue
        _, told = ended(driver, code=2)
    (line,) = told.splitlines()
    assert address in line
    assert "token" in line


def test_a_raylet_that_does_not_start(folder, place):
    """It is stopped as soon as it is there, each time."""
    driver = place.sweep(folder / "space.yaml", "--out", place.out)
    began = time.monotonic()
    while driver.poll() is None:
        assert time.monotonic() - began < IN_TIME_S
        for pid, line in place.processes().items():
            if "/raylet/raylet " in line:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
        time.sleep(0.1)
    _, told = ended(driver, code=2)
    (line,) = told.splitlines()
    assert "this machine" in line
    assert "--wait" in line
    wait_for(lambda: not place.processes())

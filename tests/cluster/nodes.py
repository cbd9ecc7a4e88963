"""Nodes of a cluster of a test's own, each as it is started by hand."""

import os
import secrets
import signal
import socket
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired

from tests.scripts import LIMIT_S

RAY = Path(sys.executable).parent / "ray"
_STARTS, _UP_S = 5, 20


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def keys(folder):
    """Variables of who has the token of a cluster of its own, which is written to a file in a folder."""
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}


@contextmanager
def started(*words, environment, before=()):
    """A node, whose processes are killed at the end: in order it takes half a minute.

    Args:
        before: What its command line begins with, where it is not to start right here.
    """
    start = [*before, RAY, "start", *words, "--disable-usage-stats", "--block"]
    node = Popen(start, env=environment, stdout=DEVNULL, stderr=DEVNULL, start_new_session=True)
    try:
        yield node
    finally:
        kill(node)


def kill(node):
    """End all processes of a node at once, also where the first of them has ended by itself."""
    with suppress(ProcessLookupError):
        os.killpg(node.pid, signal.SIGKILL)
    node.wait()


def _own_folder():
    """For what Ray writes on a machine; sockets have short names."""
    return tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True)


@contextmanager
def head(*words, port, environment):
    """The first node, at whose port somebody listens."""
    with (
        _own_folder() as folder,
        started("--head", f"--port={port}", f"--temp-dir={folder}", *words, environment=environment) as node,
    ):
        wait_for(port, node)
        yield node


@contextmanager
def joined(*words, address, environment, before=()):
    """Another node; one that Ray could not start, which ports of others may cause, is started again."""
    for _ in range(_STARTS):
        with (
            _own_folder() as folder,  # in the head's it would unpack a job's files anew, under the job
            started(
                f"--address={address}", f"--temp-dir={folder}", *words, environment=environment, before=before
            ) as node,
        ):
            try:
                node.wait(_UP_S)
            except TimeoutExpired:
                yield node
                return
    raise RuntimeError(f"no node joins {address}")


def wait_for(port, node, *, host="127.0.0.1"):
    """Return when somebody listens at a port, of this machine unless told, as long as the node lives."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until and node.poll() is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"nobody listens at port {port}; the node ended with {node.poll()}")

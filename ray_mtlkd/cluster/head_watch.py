"""Whether the cluster's head is still there, while this process waits for it.

Ray's core would end the process a minute after the head has gone, in its own words and wherever it stands. One that is
there and does nothing (stopped, or on a machine that hangs) it would wait for without end.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from ray_mtlkd.cluster.address import place
from ray_mtlkd.errors import MtlkdError

OnLost = Callable[[MtlkdError], None]
"""Told in a thread of its own; what this process waits for in Ray's core may never come."""

_EVERY_S, _KNOCK_S = 5.0, 5.0
_HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""How who asks by gRPC begins (RFC 9113, 3.4): with no settings of its own."""
_KNOCKS = 4
"""Without an answer, one after the other: then the head counts as gone, well before Ray's core ends the process.

They are counted and not timed: where a whole machine stood still, its clock did not.
"""


@contextmanager
def watching_head(tell: OnLost, *, fix: str) -> Iterator[None]:
    """Look for the head of the cluster while the body runs; Ray is connected.

    Args:
        tell: Told once, where it is gone.
        fix: What the user can do then.
    """
    over = threading.Event()
    where: str = ray.get_runtime_context().gcs_address

    def look() -> None:
        host, _, port = where.rpartition(":")
        unanswered = 0
        while not over.wait(_EVERY_S):
            unanswered = 0 if _answers(host.strip("[]"), int(port)) else unanswered + 1
            if unanswered == _KNOCKS:
                what = f"the cluster's head at {where} has not answered, asked {_KNOCKS} times"
                tell(MtlkdError(what, where=place(), fix=fix))
                return

    thread = threading.Thread(target=look, name="head", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _answers(host: str, port: int) -> bool:
    """Whether a process at work is there; the system itself would take a connection for one that is stopped."""
    try:
        with socket.create_connection((host, port), timeout=_KNOCK_S) as connection:
            connection.sendall(_HELLO)
            connection.recv(1)
    except ConnectionResetError:  # it hangs up since it wants TLS
        return True
    except OSError:
        return False
    return True

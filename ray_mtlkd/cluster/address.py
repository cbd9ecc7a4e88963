"""The cluster that the user named, and whether anybody listens there."""

import os
import socket
import time
from urllib.parse import urlsplit

from ray_mtlkd.errors import MtlkdError

VARIABLE = "RAY_ADDRESS"
WAIT_S = 40.0
"""How long Ray may take to answer, unless the user gives it longer."""
_CLIENT_PORT = 10001
"""Of ``ray://HOST``."""
_KNOCK_S = 5.0
"""That a machine may take to answer."""
_PAUSE_S = 0.5
"""Between two tries."""


def address() -> str | None:
    """The cluster that the user named; None where Ray is to start on this machine."""
    named = os.environ.get(VARIABLE)
    return None if named in {None, "", "local"} else named


def place() -> str:
    """Where Ray is, for messages."""
    named = address()
    return "this machine" if named is None else f"{VARIABLE}={named}"


def waiting() -> str:
    """What is going on before Ray answers."""
    named = address()
    return "starting Ray …" if named is None else f"waiting for Ray at {named} …"


def reach(named: str, *, wait_s: float) -> None:
    """Return as soon as somebody listens at a cluster's address, whoever it is.

    Ray itself would try for many minutes before it says that nobody does.

    Raises:
        MtlkdError: where nobody does for so long, or the address names no machine.
    """
    host, port = _parts(named)
    if host is None:
        return
    until = time.monotonic() + wait_s
    while True:
        try:
            socket.create_connection((host, port), timeout=min(_KNOCK_S, max(wait_s, 1.0))).close()
        except socket.gaierror as error:
            fix = f"correct the address, or unset {VARIABLE} to run on this machine"
            raise MtlkdError(f"no machine is called {host} ({error.strerror})", where=place(), fix=fix) from error
        except OSError as error:
            if time.monotonic() + _PAUSE_S >= until:
                said = error.strerror or "no answer"
                raise MtlkdError(
                    f"nobody listens at {host}, port {port} ({said}; tried for {wait_s:.0f} s)",
                    where=place(),
                    fix="start the cluster, correct the address, or give it longer by --wait SECONDS",
                ) from error
            time.sleep(_PAUSE_S)
        else:
            return


def _parts(named: str) -> tuple[str | None, int]:
    """Host and port of an address; no host where it is none of one machine's (``auto``, another scheme)."""
    scheme, mark, _ = named.partition("://")
    if (mark and scheme != "ray") or named == "auto":
        return None, 0
    try:
        found = urlsplit(named if mark else f"ray://{named}")
        host, port = found.hostname, found.port or (_CLIENT_PORT if mark else None)
    except ValueError:
        host = port = None
    if host is None or port is None:
        raise MtlkdError("is no address", where=place(), fix=f"write HOST:PORT, e.g. {VARIABLE}=head:6379")
    return host, port

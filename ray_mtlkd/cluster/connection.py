"""The connection to Ray, made while tables are read; on this machine, by workers that have imported what trials need.

Only Ray itself is imported with this module: PyTorch and Tune take about as long to import as Ray takes to start.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

from ray_mtlkd.cluster import ray_private
from ray_mtlkd.errors import MtlkdError, first_line

_TOKEN = Path.home() / ".ray" / "auth_token"

_PRELOADED = "ray_mtlkd.sweep.preload"
"""What a worker of this machine imports as soon as it starts, while tables are read."""
_IDLE_S = 60
"""A worker waits so long for its first work; then its memory is free again."""

_ENVIRONMENT = {
    # Tune would set it for each trial.
    "PL_DISABLE_FORK": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Tune would end its run as if it were over; a sweep that is stopped should say so.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}


class Cluster:
    """The cluster at RAY_ADDRESS, or one of this machine's own.

    Args:
        preload: Whether workers of this machine's own import what trials need as they start.
        code: Folder whose modules workers can import; None where installed ones are enough.
    """

    def __init__(self, *, preload: bool, code: str | None) -> None:
        self._preload = preload
        self._code = code
        # Ray's processes on this machine die with the thread that started them: it lives as long as they should.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ray")
        self._connected: Future[None] | None = None
        self._stopped: Future[None] | None = None

    def start(self) -> None:
        """Start a cluster of this machine's own, without waiting for it; one of others may not answer for long."""
        if address() is None:
            self._begin()

    def wait(self) -> None:
        """Connect, if that has not begun, and return when it is done.

        Raises:
            MtlkdError: where there is no cluster at RAY_ADDRESS, or it does not take this token.
        """
        self._begin().result()

    def _begin(self) -> Future[None]:
        ahead = ray_private.imported_ahead(_PRELOADED) if self._preload else {}
        environment = {**_ENVIRONMENT, **ray_private.waiting(_IDLE_S), **ahead}
        self._connected = self._connected or self._thread.submit(_connect, environment, code=self._code)
        return self._connected

    def stop(self) -> None:
        """Disconnect, and end a cluster of this machine's own, without waiting for it."""
        if self._connected is not None:
            self._stopped = self._stopped or self._thread.submit(ray.shutdown)

    def close(self) -> None:
        """Disconnect, and return when that is done."""
        self.stop()
        self._thread.shutdown()


@contextmanager
def connect(*, preload: bool = True, code: str | None = None) -> Iterator[Cluster]:
    """A cluster for as long as the body runs; it starts when it is told to, or first waited for."""
    cluster = Cluster(preload=preload, code=code)
    try:
        yield cluster
    finally:
        cluster.close()


def address() -> str | None:
    """The cluster that the user named."""
    return os.environ.get("RAY_ADDRESS") or None


def _connect(environment: Mapping[str, str], *, code: str | None) -> None:
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    own: dict[str, Any] = {} if address() else {"include_dashboard": False}
    if code is not None and address():
        own["runtime_env"] = {"working_dir": code}  # copied to every node, and first on its workers' path
    try:
        with _importable(None if address() else code):
            ray.init(address=address() or "local", log_to_driver=False, logging_level=logging.ERROR, **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise MtlkdError(
            f"Ray does not start ({first_line(error)})",
            where="RAY_ADDRESS" if address() else "this machine",
            fix="check the address, that RAY_AUTH_MODE is the cluster's, and the token in ~/.ray/auth_token",
        ) from error
    logging.getLogger("ray").setLevel(logging.ERROR)
    if _TOKEN.exists():
        _TOKEN.chmod(0o600)  # Ray leaves it readable by everyone


@contextmanager
def _importable(code: str | None) -> Iterator[None]:
    """Processes that start in the body import what lies in the folder.

    Workers of this machine get their environment from what starts here: without a runtime environment, which would give
    each trial a worker of its own, those that have imported ahead serve code of others too.
    """
    before = os.environ.get("PYTHONPATH")
    if code is not None:
        os.environ["PYTHONPATH"] = os.pathsep.join([code, *([before] if before else [])])
    try:
        yield
    finally:
        if before is not None:
            os.environ["PYTHONPATH"] = before
        elif code is not None:
            del os.environ["PYTHONPATH"]

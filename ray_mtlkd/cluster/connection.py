"""The connection to Ray, made while tables are read; on this machine, by workers that have imported what trials need.

Only Ray itself is imported with this module: PyTorch and Tune take about as long to import as Ray takes to start.
"""

import atexit
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent import futures
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import ray

from ray_mtlkd.cluster import ray_private
from ray_mtlkd.cluster.address import WAIT_S, address, place, reach
from ray_mtlkd.cluster.failures import explained, may_succeed_later, no_answer, wrong_token
from ray_mtlkd.cluster.head_watch import OnLost, watching_head
from ray_mtlkd.cluster.held_errors import HeldErrors
from ray_mtlkd.errors import MtlkdError

_TOKEN = Path.home() / ".ray" / "auth_token"
_TUNE = logging.getLogger("ray.tune")

_PRELOADED = "ray_mtlkd.sweep.preload"
"""What a worker of this machine imports as soon as it starts, while tables are read."""
_IDLE_S = 60
"""A worker waits so long for its first work; then its memory is free again."""

_GOODBYE_S, _SHORT_GOODBYE_S = 60.0, 5.0
"""How long Ray may take to end, on a busy machine: this process cannot end well while its core still works. Shorter
where it has not started: then its core has hardly begun to."""

ENVIRONMENT = {
    # Tune would set it for each trial.
    "PL_DISABLE_FORK": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Of a trial that loses its worker a sweep tells in a line, Tune and Ray in fifty.
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "RAY_IGNORE_UNHANDLED_ERRORS": "1",
    # Tune would end its run as if it were over; a sweep that is stopped should say so.
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""What a process sets before it starts Ray or connects, unless it is set."""


class _Attempt:
    """Ray, in a thread of its own.

    Its processes on this machine die with the thread that started them: the thread lives as long as they should, and
    what a failed start leaves behind goes with it. No program waits at its end for a Ray that does not answer.

    Args:
        connect: Connects, or fails.

    Attributes:
        outcome: Whether it has.
    """

    def __init__(self, connect: Callable[[], None]) -> None:
        self.outcome: Future[None] = Future()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._live, args=(connect,), name="ray", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Disconnect, without waiting for it."""
        self._ending.set()

    def is_over(self, *, wait_s: float) -> bool:
        """Whether it has ended, or does within so many seconds."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _live(self, connect: Callable[[], None]) -> None:
        try:
            connect()
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the outcome
            self.outcome.set_exception(error)
            return
        self.outcome.set_result(None)
        self._ending.wait()
        ray.shutdown()


class Cluster:
    """The cluster at RAY_ADDRESS, or one of this machine's own; one that this process is connected to already stays so.

    Args:
        preload: Whether workers of this machine's own import what trials need as they start.
        code: Folder whose modules workers can import; None where installed ones are enough.
        wait_s: How long Ray may take to answer.
        on_lost: Told where the cluster's head is gone while somebody waits for it; None leaves it to Ray's core, which
            ends the process.
    """

    def __init__(self, *, preload: bool, code: str | None, wait_s: float, on_lost: OnLost | None = None) -> None:
        self._on_lost = on_lost
        self._preload = preload
        self._code = code
        self._wait_s = wait_s
        self._attempt: _Attempt | None = None
        self._tune_level: int | None = None
        self._held = HeldErrors()

    def start(self) -> None:
        """Connect or start, without waiting for it.

        Raises:
            MtlkdError: where this process is connected already, and there are modules that workers would not find.
        """
        if self._attempt is None and not ray.is_initialized():
            self._attempt = self._begin()
        elif self._attempt is None:
            self._take()

    def wait(self) -> None:
        """Connect or start, if that has not begun, and return when it is done.

        A start on this machine that fails is tried again, as long as there is time: what was slow lies in memory then.

        Raises:
            MtlkdError: where Ray does not start here, or nobody lets this process in at RAY_ADDRESS; and as `start`.
        """
        self.start()
        until = time.monotonic() + self._wait_s
        while self._attempt is not None:
            outcome = self._attempt.outcome
            if not futures.wait([outcome], timeout=max(0.0, until - time.monotonic())).done:
                self._held.release()
                raise no_answer(self._wait_s)
            error = outcome.exception()
            if error is None:
                if threading.current_thread() is threading.main_thread():
                    ray_private.give_signals_back()
                return
            if address() or not may_succeed_later(error) or time.monotonic() >= until:
                raise explained(error) from error
            self._attempt = self._begin()

    def _begin(self) -> _Attempt:
        ahead = ray_private.imported_ahead(_PRELOADED) if self._preload else {}
        environment = {**ENVIRONMENT, **ray_private.waiting(_IDLE_S), **ahead}
        if address() is None:
            return _Attempt(partial(_start, environment, code=self._code))
        return _Attempt(partial(_join, environment, code=self._code, wait_s=self._wait_s, held=self._held))

    def _take(self) -> None:
        """Work with the connection that there is."""
        if self._code is not None:
            raise MtlkdError(
                f"Ray runs in this process already, and its workers would not find the modules in {self._code}",
                where=place(),
                fix="call ray.shutdown() before: Ray is started, or connected to at RAY_ADDRESS, where it is needed",
            )
        _set(ENVIRONMENT)
        if self._tune_level is None:
            self._tune_level = _TUNE.level
            _TUNE.setLevel(logging.ERROR)

    def watched(self, *, fix: str) -> AbstractContextManager[None]:
        """While the body runs, somebody looks whether the cluster's head is there, if anybody wants to know.

        Args:
            fix: What the user can do where it is gone.
        """
        return nullcontext() if self._on_lost is None else watching_head(self._on_lost, fix=fix)

    def stop(self) -> None:
        """Disconnect, and end a cluster of this machine's own, without waiting for it."""
        if self._attempt is not None:
            self._attempt.end()

    def close(self) -> None:
        """Disconnect, and return when that is done, or when Ray has taken too long; what was there before stays."""
        self.stop()
        self._held.release()
        if self._tune_level is not None:
            _TUNE.setLevel(self._tune_level)
        if self._attempt is None:
            return
        patience_s = _GOODBYE_S
        if not self._attempt.outcome.done():  # nobody waits for a cluster of others that has not answered yet
            patience_s = _SHORT_GOODBYE_S if address() is None else 0.0
        if not self._attempt.is_over(wait_s=patience_s):
            # Its processes end with this one; that it ends must not depend on Ray, which would disconnect at exit.
            atexit.unregister(ray.shutdown)


@contextmanager
def connect(
    *, preload: bool = True, code: str | None = None, wait_s: float = WAIT_S, on_lost: OnLost | None = None
) -> Iterator[Cluster]:
    """A cluster for as long as the body runs; it starts when it is told to, or first waited for."""
    cluster = Cluster(preload=preload, code=code, wait_s=wait_s, on_lost=on_lost)
    try:
        yield cluster
    finally:
        cluster.close()


def _start(environment: Mapping[str, str], *, code: str | None) -> None:
    """Ray on this machine."""
    with _importable(code):
        _init(environment, {"address": "local", "include_dashboard": False})


def _join(environment: Mapping[str, str], *, code: str | None, wait_s: float, held: HeldErrors) -> None:
    """The cluster of others."""
    named = address() or "local"
    # Copied to every node, and first on its workers' path.
    own: dict[str, Any] = {} if code is None else {"runtime_env": {"working_dir": code}}
    reach(named, wait_s=wait_s)
    held.hold()  # Ray's core prints a line for each time that it is not let in
    try:
        _init(environment, {"address": named, **own})
    except ConnectionError as error:
        if ray_private.is_about_token(held.release()):
            raise wrong_token() from error
        raise
    finally:
        sys.stderr.write(ray_private.CORE_LINE.sub("", held.release()))


def _init(environment: Mapping[str, str], options: Mapping[str, Any]) -> None:
    _set(environment)
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    logging.getLogger("ray").setLevel(logging.ERROR)
    if _TOKEN.exists():
        _TOKEN.chmod(0o600)  # Ray leaves it readable by everyone


def _set(environment: Mapping[str, str]) -> None:
    for name, value in environment.items():
        os.environ.setdefault(name, value)


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

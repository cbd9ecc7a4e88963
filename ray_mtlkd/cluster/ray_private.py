"""What this package uses of Ray's that Ray does not promise to keep, each under a name of ours.

Nothing else calls it. Each function says what would take its place; the tests tell by name what a new release changed.
Ray itself is imported by the functions that need it, since it reads some of what is set here as it is imported.
"""

import importlib
import logging
import os
import re
import signal
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray_mtlkd.imports import Later

_data = Later("ray.data")

_TRIAL_VARIABLES: Mapping[str, Any] = {"DEFAULT_ENV_VARS": {}, "ENV_VARS_TO_PROPAGATE": frozenset()}
"""Constants of Tune's: the environment variables that it gives trials."""

_ON_FAILURE = "_actor_task_failed"
"""What Tune calls where a worker has failed."""


def imported_ahead(module: str) -> dict[str, str]:
    """Variables by which every worker of this machine imports a module as it starts.

    ``RAY_preload_python_modules``, for the ``worker_process_setup_hook`` of a runtime environment: with that no worker
    would start before it is asked for.
    """
    return {"RAY_preload_python_modules": module}


def waiting(seconds: int) -> dict[str, str]:
    """Variables by which a worker of this machine waits so long for its first work.

    ``RAY_idle_worker_killing_time_threshold_ms``; nothing public says it: workers would end after a second.
    """
    return {"RAY_idle_worker_killing_time_threshold_ms": str(seconds * 1000)}


def leave_ended_actors_untold() -> None:
    """Keep the terminal free of actors that were ended on purpose while they worked, as if something had failed.

    ``RAY_DEDUP_LOGS_SKIP_REGEX`` is documented, the words that it matches are not. Ray reads it as it is imported.
    """
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "killed by .ray.kill")


def leave_widgets_unasked_for() -> None:
    """Keep a notebook's cell free of calls for ipywidgets, with which nothing here shows anything.

    Ray's widgets call for them as Tune is imported, in their log, and tqdm as Ray imports it, by a warning.
    """
    logging.getLogger("ray.widgets.util").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message="IProgress not found")


def is_about_long_path(error: BaseException) -> bool:
    """Whether Ray has not started because its temporary folder's path is too long for sockets (some 50 letters).

    By the words of the error, which is an ``OSError`` without a number.
    """
    return isinstance(error, OSError) and "AF_UNIX path length" in str(error)


def log_folder() -> str:
    """Where Ray writes its logs on this machine: below ``RAY_TMPDIR``, else ``TMPDIR``, else ``/tmp``."""
    temporary = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"  # noqa: S108 - it is Ray's own choice
    return os.path.join(temporary, "ray", "session_latest", "logs")  # noqa: PTH118 - text for a message


CORE_LINE = re.compile(r"^\[[-0-9]+ [:,.0-9]+ [A-Z] \d+ \d+\] .*\n?", re.MULTILINE)
"""A line that Ray's core prints by itself: ``[2026-01-31 12:00:00,123 W 7 9] gcs_client.cc:210: Failed to …``."""


def is_about_token(text: str) -> bool:
    """Whether lines of Ray's core say that the cluster does not take this process's token."""
    return "InvalidAuthToken" in text


def give_signals_back() -> None:
    """Let Python's handlers meet SIGTERM again; only in the main thread.

    Ray's core, once it has connected, answers that signal first: it prints its stack, and aborts the process three
    seconds later, however much there is to put in order (absl's failure signal handler). ``ray.init`` has no switch
    for it.
    """
    handler = signal.getsignal(signal.SIGTERM)
    if handler is not None:  # a program around Python had put one there
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def trials_without_variables() -> Iterator[None]:
    """While the body runs, Tune gives trials no environment variables, and so no worker of their own.

    Two constants of ``ray.tune.execution.class_cache``. In its place: ``tune.with_resources`` with a runtime
    environment, as soon as Tune does not add to it.
    """
    cache = importlib.import_module("ray.tune.execution.class_cache")
    before = {name: getattr(cache, name) for name in _TRIAL_VARIABLES if hasattr(cache, name)}
    vars(cache).update({name: _TRIAL_VARIABLES[name] for name in before})
    try:
        yield
    finally:
        vars(cache).update(before)


@contextmanager
def memory_kills_as_lost_workers() -> Iterator[None]:
    """While the body runs, Tune takes a worker that Ray's memory monitor has ended for one that was lost.

    ``_actor_task_failed`` of the ``RayActorManager`` of ``ray.air.execution``, which knows two errors and ends the
    whole run by a ``RuntimeError`` where it meets another, as ``OutOfMemoryError`` is.
    """
    manager = importlib.import_module("ray.air.execution._internal.actor_manager").RayActorManager
    errors = importlib.import_module("ray.exceptions")
    before = getattr(manager, _ON_FAILURE)

    def failed(self: Any, *, tracked_actor_task: Any, exception: Exception) -> None:
        known = (errors.RayActorError, errors.RayTaskError)
        if isinstance(exception, errors.RayError) and not isinstance(exception, known):
            exception = errors.RayActorError(error_msg=str(exception))
        before(self, tracked_actor_task=tracked_actor_task, exception=exception)

    setattr(manager, _ON_FAILURE, failed)
    try:
        yield
    finally:
        setattr(manager, _ON_FAILURE, before)


_MEMORY = re.compile(r"running low on memory\. .* was ([\d.]+)GB used / ([\d.]+)GB limit")
_OWN_MEMORY = re.compile(r"actual memory used=([\d.]+)GB")


@dataclass(frozen=True, kw_only=True)
class MemoryKill:
    """How full a machine was as Ray's memory monitor ended a worker there, in GB as Ray counts them (2**30 bytes).

    Attributes:
        used: By everything.
        limit: What there is.
        own: What the worker held, the largest where several were ended at once.
    """

    used: float
    limit: float
    own: float


def memory_told(text: str) -> MemoryKill | None:
    """What an error of Ray's says where its memory monitor has ended the worker, else None."""
    found = _MEMORY.search(text)
    if found is None:
        return None
    own = max(map(float, _OWN_MEMORY.findall(text)), default=0.0)
    return MemoryKill(used=float(found[1]), limit=float(found[2]), own=own)


def forget_averages(trial: Any) -> None:
    """Let go of what Tune holds of an ended trial's results until its own run ends: 25 kB of averages, for nobody.

    ``run_metadata`` of its ``Trial``, whose JSON in Tune's own checkpoints becomes shorter as well.
    """
    trial.run_metadata.metric_analysis = {}
    trial.run_metadata.metric_n_steps = {}


def failure_told(trial: Any) -> str:
    """What Tune noted of a trial's last failure: the error of Ray's, or that of the trial's own function.

    Its file ``error.txt`` beside the trial, where lines before the last are the traceback of an own error.
    """
    _, _, text = Path(trial.error_file).read_text(encoding="utf-8", errors="replace").rpartition("Failure # ")
    lines = [line for line in text.splitlines()[1:] if line.strip()]
    is_own = bool(lines) and "ray::" in lines[0]
    return lines[-1] if is_own else "\n".join(lines)


def dataset_of(blocks: Sequence[Any]) -> Any:
    """A data set of tables that exist already, which starts no task that would wait for a CPU.

    `ray.data.from_blocks`, which Ray keeps for its developers, for `ray.data.from_arrow`: where trials hold every CPU,
    what that starts waits for ever.
    """
    return _data.from_blocks(blocks)


def data_printers() -> list[logging.Handler]:
    """What prints Ray Data's log on the terminal.

    Handlers named ``console`` of the logger ``ray.data``, for the ``RAY_DATA_LOG_LEVEL`` that Ray does not have.
    """
    importlib.import_module("ray.data")
    return [handler for handler in logging.getLogger("ray.data").handlers if handler.name == "console"]

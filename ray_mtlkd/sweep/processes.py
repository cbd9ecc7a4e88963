"""Processes of this machine, told from later ones that have their numbers."""

import os
import signal
from contextlib import suppress
from pathlib import Path

_START_TIME = 19
"""Of what stands behind a process's name in its `stat`."""


def start_of(pid: int) -> str | None:
    """When a process was started, as far as the system says it; None where no such process lives."""
    if not _is_there(pid):
        return None
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return None if fields[0] in "ZX" else fields[_START_TIME]


def kill(pid: int, *, started: str) -> None:
    """Kill a process that was started then, not another one that has its number by now."""
    if start_of(pid) == started:
        with suppress(ProcessLookupError):  # it has ended just now
            os.kill(pid, signal.SIGKILL)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True

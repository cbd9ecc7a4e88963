"""CPU time of the processes below another one, and of the whole machine, from /proc."""

import os
import subprocess
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Watch:
    """Adds up the CPU time of a command's processes by what they are, those that have ended included.

    Args:
        root: The command's own process, the driver.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._found: dict[int, tuple[str, float]] = {}

    def look(self) -> None:
        """Note what every process has spent so far; what one spends after the last look at it is lost."""
        for pid, fields in _below(self._root).items():
            kind = self._found[pid][0] if pid in self._found else self._kind(pid)
            self._found[pid] = kind, (int(fields[11]) + int(fields[12])) / _TICKS

    @property
    def cpu_s(self) -> dict[str, float]:
        """Seconds of the ``driver``, the ``workers`` and of what else is Ray's (``ray``)."""
        sums = dict.fromkeys(("driver", "workers", "ray"), 0.0)
        for kind, seconds in self._found.values():
            sums[kind] += seconds
        return sums

    def _kind(self, pid: int) -> str:
        return "driver" if pid == self._root else kind_of(_command(pid))


def wait(child: "subprocess.Popen[bytes]", *, most_s: float) -> None:
    """Return after so long, or as soon as a process ends."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(timeout=most_s)


def processes_below(root: int) -> dict[int, str]:
    """The command lines of a process and of all below it, by number."""
    return {pid: _command(pid) for pid in _below(root)}


def kind_of(command: str) -> str:
    """Whether a command line is that of a worker, before or after Ray has renamed it."""
    renamed = command.startswith("ray::") and "Agent" not in command
    # The raylet is told a worker's command, too, but as one of its options.
    script = next((part for part in command.split("\0")[1:] if not part.startswith("-")), "")
    starting = script.endswith(("/default_worker.py", "/setup_worker.py"))
    return "workers" if renamed or starting else "ray"


def machine_busy_s() -> float | None:
    """CPU time that the machine has spent since it started, with what its host took away; None where unknown."""
    stat = _PROC / "stat"
    if not stat.exists():
        return None
    user, nice, system, _idle, _wait, *interrupts_and_steal = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts_and_steal)) / _TICKS


def _below(root: int) -> dict[int, list[str]]:
    """What follows the name in ``/proc/PID/stat`` of a process and of all below it, by number."""
    children: dict[int, list[int]] = defaultdict(list)
    found = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _fields(entry)) is not None:
            children[int(fields[1])].append(int(entry.name))
            found[int(entry.name)] = fields
    below, left = {}, [root]
    while left:
        pid = left.pop()
        left += children[pid]
        if pid in found:
            below[pid] = found[pid]
    return below


def _command(pid: int) -> str:
    """A process's command line; empty where it has gone."""
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def _fields(entry: Path) -> list[str] | None:
    """What follows the name in ``/proc/PID/stat``; None where the process has gone."""
    try:
        return (entry / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None

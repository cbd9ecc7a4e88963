"""Memory and open files of the processes below another one, from /proc."""

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.sweep.watch import kind_of, processes_below

Kind = Literal["driver", "worker", "actor", "ray"]
_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
_TRIAL = "ray::ImplicitFunc"


@dataclass(frozen=True, kw_only=True)
class Held:
    """What a process holds at a moment.

    Attributes:
        own_mib: Resident memory that it shares with no other process's files or object store.
        files: Open file descriptors.
    """

    own_mib: float
    files: int


def held_below(root: int) -> dict[Kind, dict[int, Held]]:
    """What each process of a command holds, by what it is and its number; those that end meanwhile are left out."""
    found: dict[Kind, dict[int, Held]] = defaultdict(dict)
    for pid, command in processes_below(root).items():
        try:
            resident, shared = map(int, Path(f"/proc/{pid}/statm").read_text().split()[1:3])
            files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - names alone
        except OSError:
            continue
        if resident == 0:  # it has ended, and nobody has waited for it
            continue
        kind: Kind = "driver" if pid == root else _kind(command)
        found[kind][pid] = Held(own_mib=(resident - shared) * _PAGE_MIB, files=files)
    return found


def _kind(command: str) -> Kind:
    if kind_of(command) == "ray":
        return "ray"
    return "worker" if command.startswith(_TRIAL) else "actor"

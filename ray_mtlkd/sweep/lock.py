"""One driver a sweep: each says in the sweep's folder that it drives, and says so again every few seconds.

A driver first writes a file of its own and then looks for others'. Of two that begin together, whoever looks last sees
the other and gives up; at worst both do. No file has two writers, so this holds on NFS and on object stores, too.
Whether another driver lives, its process says on the same machine; elsewhere its file, which changes. The clocks of two
machines are never compared: how long a file has stood still is asked of the storage, which dates both drivers' files.
"""

import os
import platform
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.seals import DamagedFileError, check_json, sealed_json
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.sweep.processes import start_of
from ray_mtlkd.sweep_folder import DRIVER, SweepFolder

BEAT_S = 5.0
"""Between two signs of life."""
LOST_S = 60.0
"""A driver of another machine counts as gone that has given no sign for so long."""
_WATCHED_BEATS = 3
"""So many beats are waited for in any case: storage may be slow, and its clock may be set anew."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a driver says of itself.

    Attributes:
        name: Tells this claim from all others.
        host: As messages name the machine.
        machine: Tells it from others, also from itself before it was started anew, and from other containers.
        started: When the process was, as the machine counts: its number may be another's later.
        beat: Counts signs of life.
        over: Names of drivers that were gone, in whose place this one drives.
    """

    name: str
    host: str
    machine: str
    pid: int
    started: str
    beat: int = 0
    over: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class Lock:
    """This process's hold on a sweep, once it has taken it, until the body ends.

    Args:
        folder: Of the sweep.
        say: Told of waiting, and of a driver that is gone.
    """

    def __init__(self, folder: SweepFolder, *, say: Callable[[str], None]) -> None:
        self._root = folder.root
        self._say = say
        self._own = Claim(
            name=secrets.token_hex(8),
            host=platform.node(),
            machine=_machine(),
            pid=os.getpid(),
            started=start_of(os.getpid()) or "",
        )
        self._lost: MtlkdError | None = None
        self._ended = threading.Event()
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._writing:
            self._ended.set()
            with suppress(OSError):
                self._root.delete(_file(self._own.name))

    def take(self) -> None:
        """Drive from now on.

        Raises:
            MtlkdError: where another driver lives.
        """
        self._write()
        threading.Thread(target=self._beat, name="lock", daemon=True).start()
        gone = []
        for other in self._others():
            if self._lives(other):
                raise MtlkdError(
                    f"{other} drives this sweep",
                    where=self._root.uri,
                    fix=f"wait until it has ended, or end it there (kill {other.pid})",
                )
            if _read(self._root, _file(other.name)) is not None:  # it may have ended just now
                gone.append(other)
        if not gone:
            return
        with self._writing:
            self._own = replace(self._own, over=tuple(other.name for other in gone))
        self._write()
        for other in gone:
            self._say(f"{other} drove this sweep and is gone: going on in its place")
            with suppress(FileNotFoundError):
                self._root.delete(_file(other.name))

    def check(self) -> None:
        """Make sure that nobody else has taken over, and that there is still something to drive.

        Raises:
            MtlkdError: where somebody has, or the folder is gone.
        """
        if self._lost is not None:
            raise self._lost

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            with suppress(OSError):  # the next one may get through
                self._lost = self._loss()
                if self._lost is not None:
                    return
                with self._writing:
                    self._own = replace(self._own, beat=self._own.beat + 1)
                self._write()

    def _loss(self) -> MtlkdError | None:
        """What ended this driver's hold: somebody who thought it gone says so first, and then deletes its file."""
        if any(self._own.name in other.over for _, other in _claims(self._root, skip_damaged=True)):
            return MtlkdError(
                "another process drives this sweep now, since this one gave no sign of life for too long",
                where=self._root.uri,
                fix="let that one go on; what this one has finished is kept",
            )
        if self._root.read(_file(self._own.name)) is None:
            return MtlkdError(
                "the folder was deleted while the sweep ran, or this driver's file in it",
                where=self._root.uri,
                fix="go on by `--resume` if the sweep is still there, else start it again",
            )
        return None

    def _write(self) -> None:
        with self._writing:
            if not self._ended.is_set():
                self._root.write(_file(self._own.name), sealed_json(dumps(self._own)))

    def _others(self) -> list[Claim]:
        own = _file(self._own.name)
        return [claim for name, claim in _claims(self._root) if name != own]

    def _lives(self, other: Claim) -> bool:
        lives = _lives_here(other)
        if lives is not None:
            return lives
        name = _file(other.name)
        now, then = self._root.modified(_file(self._own.name)), self._root.modified(name)
        silent_s = 0.0 if now is None or then is None else now - then
        wait_s = max(_WATCHED_BEATS * BEAT_S, LOST_S - silent_s)
        self._say(f"{other} drove this sweep: waiting up to {wait_s:.0f} s for a sign of life …")
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            time.sleep(BEAT_S / 5)
            found = _read(self._root, name)
            if found is None or found.beat != other.beat:
                return found is not None
        return False


def drivers(folder: SweepFolder) -> dict[Claim, bool | None]:
    """Who says that they drive a sweep, and whether each lives; None where it does so on another machine.

    Raises:
        MtlkdError: where such a file is damaged.
    """
    return {claim: _lives_here(claim) for _, claim in _claims(folder.root)}


def _claims(root: Storage, *, skip_damaged: bool = False) -> Iterator[tuple[str, Claim]]:
    """Who says that they drive the sweep in a folder, by their files."""
    for name in filter(DRIVER.fullmatch, root.names()):
        with suppress(*[MtlkdError] if skip_damaged else []):
            claim = _read(root, name)
            if claim is not None:
                yield name, claim


def _read(root: Storage, name: str, *, reads: int = 3) -> Claim | None:
    """What a driver says, None where it does not any more; read again where it is not whole but being written."""
    data = root.read(name)
    if data is None:
        return None
    where, fix = join_uri(root.uri, name), "delete it, if nobody drives this sweep"
    try:
        return loads(Claim, check_json(data), where=where, fix=fix)
    except (DamagedFileError, MtlkdError) as error:
        if reads == 1:
            what = error.what if isinstance(error, MtlkdError) else str(error)
            raise MtlkdError(what, where=where, fix=fix) from error
    time.sleep(BEAT_S / 10)
    return _read(root, name, reads=reads - 1)


def _lives_here(claim: Claim) -> bool | None:
    """Whether a driver's process lives; None where it does so on another machine."""
    return start_of(claim.pid) == claim.started if claim.machine == _machine() else None


def _file(name: str) -> str:
    return f"driver-{name}.json"


def _machine() -> str:
    """The machine since it was started, and which processes of it are seen from here."""
    found = [platform.node()]
    with suppress(OSError):
        found.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        found.append(str(Path("/proc/self/ns/pid").readlink()))
    return " ".join(found)

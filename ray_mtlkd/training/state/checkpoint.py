"""Checkpoints: safetensors and JSON under one folder, nothing pickled, each file written once.

``checkpoint.json`` is written last and names every file it needs with its checksum, so a run that dies while it writes
still has the checkpoint before. Snapshots (a teacher's parameters, say) are kept by name and never written again.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import safetensors.torch

from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.foreign import UnreadableError
from ray_mtlkd.foreign.tensors import read_tensors
from ray_mtlkd.seals import DamagedFileError, check_json, sealed_json
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.training.state import soft_labels
from ray_mtlkd.training.state.progress import Internals, Progress, Snapshot
from ray_mtlkd.training.state.soft_labels import SoftTable

_HEAD = "checkpoint.json"
_PLAIN = re.compile(r"[\w.-]{1,100}")
"""Names of files, all of which lie beside it."""


class DamagedCheckpointError(MtlkdError):
    """A checkpoint that cannot be used: the run has to start again."""


@dataclass(frozen=True, kw_only=True)
class _StoredFile:
    name: str
    sha256: str
    internals: Internals | None = None


@dataclass(frozen=True, kw_only=True)
class _CheckpointHead:
    job: str
    live: _StoredFile
    snapshots: dict[int, _StoredFile]
    soft: dict[int, _StoredFile]
    progress: Progress


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a checkpoint gives back."""

    live: Snapshot
    snapshots: dict[int, Snapshot]
    soft: dict[int, SoftTable]
    progress: Progress


class Checkpoints:
    """The checkpoints of one run.

    Args:
        storage: A folder of the run's own.
        job: Fingerprint of data, configuration and seed: a checkpoint of another job is an error.
    """

    def __init__(self, storage: Storage, *, job: str) -> None:
        self._storage = storage
        self._job = job
        self._written: dict[str, _StoredFile] = {}

    def keep_soft(self, name: str, table: SoftTable) -> SoftTable:
        """Write soft labels beside the checkpoints, which will refer to them by name; returns them as they are read."""
        self._written[name] = _StoredFile(name=name, sha256=soft_labels.save(self._storage, name, table))
        return soft_labels.load(self._storage, name)

    def save(self, *, live: Snapshot, snapshots: Mapping[int, Snapshot], progress: Progress) -> None:
        """Write what is not there yet, then the head, then drop what the head no longer names."""
        head = _CheckpointHead(
            job=self._job,
            live=self._put(f"live-{progress.step:08d}.safetensors", live),
            snapshots={
                step: self._put(f"snapshot-{step:08d}.safetensors", snapshot) for step, snapshot in snapshots.items()
            },
            soft={task: self._written[name] for task, name in progress.soft.items()},
            progress=progress,
        )
        self._storage.write(_HEAD, sealed_json(dumps(head)))
        named = {_HEAD, head.live.name, *(file.name for part in (head.snapshots, head.soft) for file in part.values())}
        for name in self._storage.names():
            if name not in named:
                self._storage.delete(name)
                self._written.pop(name, None)

    def load(self) -> Restored | None:
        """The last checkpoint, or None where the run has none.

        Raises:
            DamagedCheckpointError: where a file is missing or damaged.
            MtlkdError: where it belongs to another job.
        """
        data = self._storage.read(_HEAD)
        if data is None:
            return None
        where, fix = join_uri(self._storage.uri, _HEAD), f"delete {self._storage.uri}"
        try:
            head = loads(_CheckpointHead, check_json(data), where=where, fix=fix)
        except DamagedFileError as error:
            raise DamagedCheckpointError(str(error), where=where, fix=fix) from error
        except MtlkdError as error:
            raise DamagedCheckpointError(f"damaged: {error.what}", where=where, fix=fix) from error
        if head.job != self._job:
            raise MtlkdError(
                "the checkpoint belongs to other data or another configuration",
                where=where,
                fix="give a new output folder, or the search space and tables that the sweep was started with",
            )
        for file in (head.live, *head.snapshots.values(), *head.soft.values()):
            if not _PLAIN.fullmatch(file.name):
                raise DamagedCheckpointError(f"damaged: it names {file.name!r}", where=where, fix=fix)
        return Restored(
            live=self._get(head.live),
            snapshots={step: self._get(file) for step, file in head.snapshots.items()},
            soft={task: self._get_soft(file) for task, file in head.soft.items()},
            progress=head.progress,
        )

    def clear(self) -> None:
        """Forget what is there."""
        self._storage.clear()
        self._written = {}

    def _put(self, name: str, snapshot: Snapshot) -> _StoredFile:
        known = self._written.get(name)
        if known is None:
            data = safetensors.torch.save({key: tensor.contiguous().cpu() for key, tensor in snapshot.tensors.items()})
            self._storage.write(name, data)
            known = _StoredFile(name=name, sha256=hashlib.sha256(data).hexdigest(), internals=snapshot.internals)
            self._written[name] = known
        return known

    def _get(self, file: _StoredFile) -> Snapshot:
        data = self._storage.read(file.name)
        self._check(file, None if data is None else hashlib.sha256(data).hexdigest())
        self._written[file.name] = file
        with self._sound(file):
            return Snapshot(tensors=read_tensors(data or b""), internals=file.internals)

    def _get_soft(self, file: _StoredFile) -> SoftTable:
        self._check(file, soft_labels.checksum(self._storage, file.name))
        self._written[file.name] = file
        with self._sound(file):
            return soft_labels.load(self._storage, file.name)

    def _check(self, file: _StoredFile, sha256: str | None) -> None:
        if sha256 != file.sha256:
            raise self._damaged(file, "missing" if sha256 is None else "damaged: its checksum does not match")

    @contextmanager
    def _sound(self, file: _StoredFile) -> Iterator[None]:
        try:
            yield
        except UnreadableError as error:
            raise self._damaged(file, f"damaged: {first_line(error)}") from error

    def _damaged(self, file: _StoredFile, what: str) -> DamagedCheckpointError:
        fix = f"delete {self._storage.uri} to train from the first step"
        return DamagedCheckpointError(what, where=join_uri(self._storage.uri, file.name), fix=fix)

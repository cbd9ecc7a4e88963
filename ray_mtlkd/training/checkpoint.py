"""Checkpoints: safetensors and JSON under one folder, nothing pickled, each file written once.

``checkpoint.json`` is written last and names every file it needs with its checksum, so a run that dies while it writes
still has the checkpoint before. Moments (a teacher's parameters, say) are kept by name and never written again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import safetensors.torch
from pydantic import TypeAdapter, ValidationError

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.training import soft
from ray_mtlkd.training.progress import Internals, Moment, Progress
from ray_mtlkd.training.soft import SoftTable
from ray_mtlkd.training.storage import Storage, join_uri

_HEAD = "checkpoint.json"


class DamagedCheckpointError(MtlkdError):
    """A checkpoint that cannot be used: the run has to start again."""


@dataclass(frozen=True, kw_only=True)
class _File:
    name: str
    sha256: str
    internals: Internals | None = None


@dataclass(frozen=True, kw_only=True)
class _Head:
    job: str
    live: _File
    moments: dict[int, _File]
    soft: dict[int, _File]
    progress: Progress


_ADAPTER = TypeAdapter(_Head)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a checkpoint gives back."""

    live: Moment
    moments: dict[int, Moment]
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
        self._written: dict[str, _File] = {}

    def keep_soft(self, name: str, table: SoftTable) -> SoftTable:
        """Write soft labels beside the checkpoints, which will refer to them by name; returns them as they are read."""
        self._written[name] = _File(name=name, sha256=soft.save(self._storage, name, table))
        return soft.load(self._storage, name)

    def save(self, *, live: Moment, moments: Mapping[int, Moment], progress: Progress) -> None:
        """Write what is not there yet, then the head, then drop what the head no longer names."""
        head = _Head(
            job=self._job,
            live=self._put(f"live-{progress.step:08d}.safetensors", live),
            moments={step: self._put(f"moment-{step:08d}.safetensors", moment) for step, moment in moments.items()},
            soft={task: self._written[name] for task, name in progress.soft.items()},
            progress=progress,
        )
        self._storage.write(_HEAD, _ADAPTER.dump_json(head))
        named = {_HEAD, head.live.name, *(file.name for part in (head.moments, head.soft) for file in part.values())}
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
        try:
            head = _ADAPTER.validate_json(data)
        except ValidationError as error:
            raise DamagedCheckpointError(
                "damaged", where=join_uri(self._storage.uri, _HEAD), fix=f"delete {self._storage.uri}"
            ) from error
        if head.job != self._job:
            raise MtlkdError(
                "the checkpoint belongs to other data or another configuration",
                where=join_uri(self._storage.uri, _HEAD),
                fix="give a new output folder, or the search space and tables that the sweep was started with",
            )
        return Restored(
            live=self._get(head.live),
            moments={step: self._get(file) for step, file in head.moments.items()},
            soft={task: self._get_soft(file) for task, file in head.soft.items()},
            progress=head.progress,
        )

    def clear(self) -> None:
        """Forget what is there."""
        self._storage.clear()
        self._written = {}

    def _put(self, name: str, moment: Moment) -> _File:
        known = self._written.get(name)
        if known is None:
            data = safetensors.torch.save({key: tensor.contiguous().cpu() for key, tensor in moment.tensors.items()})
            self._storage.write(name, data)
            known = _File(name=name, sha256=hashlib.sha256(data).hexdigest(), internals=moment.internals)
            self._written[name] = known
        return known

    def _get(self, file: _File) -> Moment:
        data = self._storage.read(file.name)
        self._check(file, None if data is None else hashlib.sha256(data).hexdigest())
        self._written[file.name] = file
        return Moment(tensors=safetensors.torch.load(data), internals=file.internals)

    def _get_soft(self, file: _File) -> SoftTable:
        self._check(file, soft.checksum(self._storage, file.name))
        self._written[file.name] = file
        return soft.load(self._storage, file.name)

    def _check(self, file: _File, sha256: str | None) -> None:
        if sha256 != file.sha256:
            raise DamagedCheckpointError(
                "missing" if sha256 is None else "damaged: its checksum does not match",
                where=join_uri(self._storage.uri, file.name),
                fix=f"delete {self._storage.uri} to train from the first step",
            )

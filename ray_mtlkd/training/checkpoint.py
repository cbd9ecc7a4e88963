"""Checkpoints: safetensors and JSON under one folder, nothing pickled, each file written once.

``checkpoint.json`` is written last and names every file it needs with its checksum, so a run that dies while it writes
still has the checkpoint before. Moments (a teacher's parameters, say) are kept by name and never written again.
"""

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

import safetensors.torch
from pyarrow.fs import FileSelector, FileSystem, FileType, LocalFileSystem
from pydantic import TypeAdapter
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.training.progress import Internals, Moment, Progress

_HEAD = "checkpoint.json"


@dataclass(frozen=True)
class Storage:
    """A folder on any pyarrow file system.

    Attributes:
        root: Path of the folder inside the file system.
    """

    filesystem: FileSystem
    root: str

    @classmethod
    def at(cls, uri: str) -> "Storage":
        """The folder at a local path or at a URI such as ``s3://bucket/sweep``."""
        filesystem, root = FileSystem.from_uri(uri) if "://" in uri else (LocalFileSystem(), uri)
        return cls(filesystem, root)

    def child(self, name: str) -> "Storage":
        """A folder in this one."""
        return Storage(self.filesystem, posixpath.join(self.root, name))

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that it is there whole or not at all."""
        path = posixpath.join(self.root, name)
        self.filesystem.create_dir(posixpath.dirname(path), recursive=True)
        # An object store shows an object once it is whole; a file needs the rename.
        draft = f"{path}.draft" if isinstance(self.filesystem, LocalFileSystem) else path
        with self.filesystem.open_output_stream(draft) as stream:
            stream.write(data)
        if draft != path:
            self.filesystem.move(draft, path)

    def read(self, name: str) -> bytes | None:
        """A file's content, or None where there is none."""
        path = posixpath.join(self.root, name)
        if self.filesystem.get_file_info(path).type != FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            data: bytes = stream.read()
        return data

    def names(self) -> list[str]:
        """Names of the files right in this folder."""
        found = self.filesystem.get_file_info(FileSelector(self.root, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == FileType.File)

    def delete(self, name: str) -> None:
        """Remove a file."""
        self.filesystem.delete_file(posixpath.join(self.root, name))

    def clear(self) -> None:
        """Remove the folder with all that it holds."""
        if self.filesystem.get_file_info(self.root).type == FileType.Directory:
            self.filesystem.delete_dir(self.root)


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


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a checkpoint gives back."""

    live: Moment
    moments: dict[int, Moment]
    soft: dict[int, Tensor]
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

    def save(
        self, *, live: Moment, moments: Mapping[int, Moment], soft: Mapping[int, Tensor], progress: Progress
    ) -> None:
        """Write what is not there yet, then the head, then drop what the head no longer names."""
        head = _Head(
            job=self._job,
            live=self._put(f"live-{progress.step:08d}.safetensors", live),
            moments={step: self._put(f"moment-{step:08d}.safetensors", moment) for step, moment in moments.items()},
            soft={
                task: self._put(progress.soft[task], Moment(tensors={"soft": labels})) for task, labels in soft.items()
            },
            progress=progress,
        )
        self._storage.write(_HEAD, _adapter().dump_json(head))
        named = {_HEAD, head.live.name, *(file.name for part in (head.moments, head.soft) for file in part.values())}
        for name in self._storage.names():
            if name not in named:
                self._storage.delete(name)
                self._written.pop(name, None)

    def load(self) -> Restored | None:
        """The last checkpoint, or None where the run has none.

        Raises:
            MtlkdError: where it belongs to another job, or a file is missing or damaged.
        """
        data = self._storage.read(_HEAD)
        if data is None:
            return None
        head = _adapter().validate_json(data)
        if head.job != self._job:
            raise MtlkdError(
                "the checkpoint belongs to other data or another configuration",
                where=posixpath.join(self._storage.root, _HEAD),
                fix="give a new output folder, or the search space and tables that the sweep was started with",
            )
        return Restored(
            live=self._get(head.live),
            moments={step: self._get(file) for step, file in head.moments.items()},
            soft={task: self._get(file).tensors["soft"] for task, file in head.soft.items()},
            progress=head.progress,
        )

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
        if data is None or hashlib.sha256(data).hexdigest() != file.sha256:
            raise MtlkdError(
                "missing" if data is None else "damaged: its checksum does not match",
                where=posixpath.join(self._storage.root, file.name),
                fix=f"delete the folder {self._storage.root} to train this trial again from its first step",
            )
        self._written[file.name] = file
        return Moment(tensors=safetensors.torch.load(data), internals=file.internals)


def _adapter() -> TypeAdapter[_Head]:
    return TypeAdapter(_Head)

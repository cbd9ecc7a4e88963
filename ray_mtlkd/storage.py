"""A folder on any pyarrow file system: local, NFS, ``s3://``, ``gs://``."""

import hashlib
import io
import os
import posixpath
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import NativeFile
from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, LocalFileSystem

from ray_mtlkd.errors import MtlkdError, first_line

FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""What is the name of a file on any system, and of nothing but a file in its folder."""
DRAFT = ".draft"
"""How the name of a file ends that is still being written."""


class Hashed(io.RawIOBase):
    """A stream that also hashes what goes through it.

    Attributes:
        bytes: So many so far.
    """

    def __init__(self, stream: NativeFile) -> None:
        self._stream = stream
        self._sha256 = hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """Of all of them so far."""
        return self._sha256.hexdigest()

    def writable(self) -> bool:
        """Nothing else."""
        return True

    def write(self, data: Any) -> int:
        """Pass it on."""
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self._sha256.update(view)
        self.bytes += len(view)
        return len(view)


def join_uri(uri: str, name: str) -> str:
    """A place below a path or URI; a query such as ``?endpoint_override=…`` stays at the end."""
    path, mark, query = uri.partition("?") if "://" in uri else (uri, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


def absolute(target: str) -> str:
    """A local path made absolute, since workers run elsewhere; a URI as it is."""
    return target if "://" in target else os.path.abspath(target)  # noqa: PTH100 - resolve() would follow links


def split_uri(uri: str) -> tuple[str, str]:
    """The inverse of `join_uri`: the folder that a place is in, and its name there."""
    path, mark, query = uri.partition("?") if "://" in uri else (uri, "", "")
    folder, slash, name = path.rstrip("/").rpartition("/")
    if not folder or folder.endswith("/"):
        folder += slash or "."
    return f"{folder}{mark}{query}", name


@contextmanager
def reaching(uri: str, *, then: str | None = None) -> Iterator[None]:
    """Tell of a place that the body cannot reach, read or write.

    Args:
        then: The command that goes on once that is mended.

    Raises:
        MtlkdError: instead of the file system's error.
    """
    try:
        yield
    except OSError as error:
        raise MtlkdError(
            f"cannot be reached or written ({first_line(error)})",
            where=uri,
            fix="see to the path, the rights, the room and the connection" + (f"; then go on: {then}" if then else ""),
        ) from error


@dataclass(frozen=True)
class Storage:
    """A folder.

    Attributes:
        uri: A local path, or a URI that pyarrow knows: what messages show.
        root: Path of the folder inside the file system.
    """

    uri: str
    filesystem: FileSystem
    root: str

    @classmethod
    def at(cls, uri: str) -> "Storage":
        """The folder at a local path or at a URI such as ``s3://bucket/sweep``.

        Raises:
            MtlkdError: where pyarrow does not know such a place.
        """
        if "://" not in uri:
            return cls(uri, LocalFileSystem(), Path(uri).absolute().as_posix())
        try:
            filesystem, root = FileSystem.from_uri(uri)
        except (pa.ArrowException, OSError, ValueError) as error:
            said = first_line(error)
            raise MtlkdError(f"no such place ({said})", where=uri, fix="give a path, s3://… or gs://…") from error
        return cls(uri, filesystem, root)

    @property
    def is_local(self) -> bool:
        """Whether the folder is on this machine's own file system (NFS included)."""
        return isinstance(self.filesystem, LocalFileSystem)

    def child(self, name: str) -> "Storage":
        """A folder in this one."""
        return Storage(join_uri(self.uri, name), self.filesystem, posixpath.join(self.root, name))

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that it is there whole or not at all, also where two write it at a time."""
        if self.is_local:
            with self.writing(name) as stream:
                stream.write(data)
            return
        path = posixpath.join(self.root, name)  # an object store shows an object once it is whole
        self.filesystem.create_dir(posixpath.dirname(path), recursive=True)
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(data)

    def read(self, name: str) -> bytes | None:
        """A file's content, or None where there is none."""
        path = posixpath.join(self.root, name)
        if self.filesystem.get_file_info(path).type != FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            data: bytes = stream.read()
        return data

    def modified(self, name: str) -> float | None:
        """When a file was written by the storage's own clock [s]; None where there is none, or nobody knows."""
        found = self.filesystem.get_file_info(posixpath.join(self.root, name)).mtime_ns
        return None if found is None else found / 1e9

    @contextmanager
    def writing(self, name: str) -> Iterator[NativeFile]:
        """A stream to a file that is there, whole, once the body has ended well.

        On an object store, too, the file is a draft first: a stream that an error ends would leave what it was given.
        """
        path = posixpath.join(self.root, name)
        self.filesystem.create_dir(posixpath.dirname(path), recursive=True)
        draft = f"{path}.{secrets.token_hex(4)}{DRAFT}"
        try:
            with self.filesystem.open_output_stream(draft) as stream:
                yield stream
            self.filesystem.move(draft, path)
        except BaseException:
            with suppress(OSError):  # the error that led here says more
                self.filesystem.delete_file(draft)
            raise

    def names(self) -> list[str]:
        """Names of the files right in this folder."""
        return sorted(self.sizes())

    def folders(self) -> list[str]:
        """Names of the folders right in this folder."""
        return sorted(info.base_name for info in self._infos() if info.type == FileType.Directory)

    def sizes(self) -> dict[str, int]:
        """Bytes of each file right in this folder."""
        return {info.base_name: info.size for info in self._infos() if info.type == FileType.File}

    def _infos(self) -> list[FileInfo]:
        found: list[FileInfo] = self.filesystem.get_file_info(FileSelector(self.root, allow_not_found=True))
        return found

    @property
    def is_file(self) -> bool:
        """Whether there is a file where the folder would be."""
        return bool(self.filesystem.get_file_info(self.root).type == FileType.File)

    @property
    def is_missing(self) -> bool:
        """Whether there is neither a folder nor a file."""
        return bool(self.filesystem.get_file_info(self.root).type == FileType.NotFound)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in the folder, or no folder, and no file of its name."""
        return not self.is_file and not self._infos()

    def delete(self, name: str) -> None:
        """Remove a file."""
        self.filesystem.delete_file(posixpath.join(self.root, name))

    def clear(self) -> None:
        """Remove the folder with all that it holds."""
        if self.filesystem.get_file_info(self.root).type == FileType.Directory:
            self.filesystem.delete_dir(self.root)

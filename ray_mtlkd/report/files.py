"""Where records are read from and reports are written to: folders on any filesystem that pyarrow knows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import fs

from ray_mtlkd.errors import MtlkdError, first_line

_CLASSICAL = "classical.parquet"
"""Where somebody puts classical models by hand; a sweep writes a folder of them."""


@dataclass(frozen=True, kw_only=True)
class ResultFile:
    """A file or folder.

    Attributes:
        filesystem: A ``pyarrow.fs.FileSystem``.
        path: As the filesystem wants it.
        shown: As the user wrote it.
    """

    filesystem: Any
    path: str
    shown: str

    def __truediv__(self, name: str) -> "ResultFile":
        return ResultFile(
            filesystem=self.filesystem, path=f"{self.path.rstrip('/')}/{name}", shown=f"{self.shown.rstrip('/')}/{name}"
        )

    def read(self) -> Any:
        """The whole file as a ``pyarrow.Buffer``."""
        with self.filesystem.open_input_file(self.path) as file:
            return file.read_buffer()

    def write(self, content: bytes) -> None:
        """Create or replace the file.

        Raises:
            MtlkdError: where the place cannot be written.
        """
        try:
            self.filesystem.create_dir(self.path.rpartition("/")[0], recursive=True)
            with self.filesystem.open_output_stream(self.path) as stream:
                stream.write(content)
        except OSError as error:
            said = first_line(error)
            raise MtlkdError(f"cannot be written ({said})", where=self.shown, fix="give another --out") from error


def place(given: str) -> ResultFile:
    """What a path or URI (``s3://bucket/folder``) names.

    Raises:
        MtlkdError: where no filesystem has the URI's scheme.
    """
    if "://" not in given:
        return ResultFile(filesystem=fs.LocalFileSystem(), path=Path(given).absolute().as_posix(), shown=given)
    try:
        filesystem, path = fs.FileSystem.from_uri(given)
    except (pa.ArrowInvalid, OSError) as error:
        said = first_line(error)
        raise MtlkdError(f"not a place pyarrow knows ({said})", where=given, fix="give a path or an URI") from error
    return ResultFile(filesystem=filesystem, path=path, shown=given)


def record_files(given: str) -> list[ResultFile]:
    """The Parquet files of a sweep's directory, of a folder, or the one file itself, in the order of their names.

    Raises:
        MtlkdError: where there is none.
    """
    root = place(given)
    kind = _kind(root)
    if kind == fs.FileType.File:
        return [root]
    if kind == fs.FileType.NotFound:
        raise MtlkdError("no such file or folder", where=given, fix="give the directory that a sweep wrote")
    folder = root / "records" if _kind(root / "records") == fs.FileType.Directory else root
    found = folder.filesystem.get_file_info(fs.FileSelector(folder.path))
    names = sorted(info.base_name for info in found if info.type == fs.FileType.File and _is_record(info.base_name))
    if not names:
        raise MtlkdError("no records (*.parquet)", where=folder.shown, fix="give the directory that a sweep wrote")
    return [folder / name for name in names]


def classical_files(given: str) -> list[ResultFile]:
    """The files of classical models in a sweep's directory, in the order of their names."""
    root = place(given)
    if _kind(root) != fs.FileType.Directory:
        return []
    single, folder = root / _CLASSICAL, root / "classical"
    found = [single] if _kind(single) == fs.FileType.File else []
    listed = folder.filesystem.get_file_info(fs.FileSelector(folder.path, allow_not_found=True))
    names = sorted(info.base_name for info in listed if info.type == fs.FileType.File and _is_record(info.base_name))
    return [*found, *(folder / name for name in names)]


def _is_record(name: str) -> bool:
    return name.endswith(".parquet") and not name.startswith((".", "_")) and name != _CLASSICAL


def _kind(at: ResultFile) -> Any:
    try:
        return at.filesystem.get_file_info(at.path).type
    except OSError as error:
        said = first_line(error)
        raise MtlkdError(f"cannot be reached ({said})", where=at.shown, fix="check the path and the access") from error

"""Where results that take long are kept between runs, by the content that they were computed from: Arrow files."""

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ray_mtlkd.data.inputs import Array
from ray_mtlkd.foreign.tables import read_record

CACHE_VARIABLE = "MTLKD_CACHE"
"""Environment variable that names the folder; empty switches the cache off."""

SUFFIX = ".arrow"
"""Of an entry's file."""

LIMIT_BYTES = 4 * 2**30
"""Size of a folder's entries, beyond which those that were used longest ago are removed; unless an entry says more."""

_ABOUT, _CHECKSUM = b"about", b"checksum"


@dataclass(frozen=True)
class Kept:
    """What an entry holds: plain JSON data and arrays, mapped from the disk and read-only."""

    value: Any
    arrays: Mapping[str, Array]


@dataclass(frozen=True)
class Entry:
    """A result in a file of its own, whose name is a hash of all that it depends on.

    The file is Arrow's, of one record: a list of numbers for each array. What they mean is in its schema's metadata.

    Attributes:
        least_limit: Size that the entries beside it may have in any case.
    """

    path: Path
    least_limit: float = 0.0

    def read(self) -> Kept | None:
        """What is kept here; None where nothing is, or part of it is missing. Arrays are not read yet: check them."""
        try:
            with pa.memory_map(str(self.path)) as file:
                record = read_record(file)  # of its arrays the lengths alone
            told = record.schema.metadata[_ABOUT]
            if record.schema.metadata[_CHECKSUM] != _hash(told):
                return None
            about = json.loads(told)
            arrays = {name: _array(record[name], *place) for name, place in about["arrays"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, pa.ArrowException):
            return None
        with suppress(OSError):  # where the folder is not ours to write, its age does not matter to us
            os.utime(self.path)
        return Kept(about["value"], arrays)

    def write(self, value: Any, arrays: Mapping[str, Array]) -> None:
        """Keep a result, whole or not at all; another one that is here is replaced.

        Warns where the disk refuses: no result is lost by that.
        """
        limit = max(LIMIT_BYTES, self.least_limit)
        if sum(array.nbytes for array in arrays.values()) > limit:
            return
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(dir=folder)
            os.close(handle)
            try:
                _write(draft, value, arrays)
                Path(draft).replace(self.path)  # who has mapped the old one keeps it
            except BaseException:
                Path(draft).unlink(missing_ok=True)
                raise
            _shrink(folder, limit)
        except OSError as error:
            said = f"nothing is kept in {folder} ({error.strerror}); {CACHE_VARIABLE}= switches it off"
            warnings.warn(said, RuntimeWarning, stacklevel=2)


def cache_folder() -> Path | None:
    """The folder, which may not exist yet: ``MTLKD_CACHE``, else ``ray_mtlkd`` in the user's cache; None where off."""
    named = os.environ.get(CACHE_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ray_mtlkd"


def _write(path: str, value: Any, arrays: Mapping[str, Array]) -> None:
    lists = {
        name: pa.LargeListArray.from_arrays(pa.array([0, array.size], pa.int64()), pa.array(array.reshape(-1)))
        for name, array in arrays.items()
    }
    places = {name: (array.dtype.str, array.shape) for name, array in arrays.items()}
    about = json.dumps({"arrays": places, "value": value}).encode()
    record = pa.record_batch(lists).replace_schema_metadata({_ABOUT: about, _CHECKSUM: _hash(about)})
    with pa.OSFile(path, "wb") as file, pa.ipc.new_file(file, record.schema) as writer:
        writer.write_batch(record)


def _array(column: pa.LargeListArray, kind: str, shape: list[int]) -> Array:
    """The one list of a column, in its shape.

    Raises:
        ValueError: where its numbers do not fit that.
    """
    if not pa.types.is_large_list(column.type) or len(column) != 1:
        raise ValueError(f"{len(column)} values of type {column.type}, not one list")
    numbers: Array = column.values.to_numpy(zero_copy_only=True)
    if numbers.dtype.str != kind:
        raise ValueError(f"numbers of type {numbers.dtype.str}, not {kind}")
    return numbers.reshape(shape)


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()


def _shrink(folder: Path, limit: float) -> None:
    """Remove entries, and drafts of processes that died, until the rest is small enough: the oldest first."""
    entries = []
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removes entries too
            found = entry.stat()
            entries.append((found.st_mtime, found.st_size, entry))
    total = sum(size for _, size, _ in entries)
    for _, size, entry in sorted(entries):
        if total <= limit:
            return
        entry.unlink(missing_ok=True)
        total -= size

"""Where results that take long are kept between runs, by the content that they were computed from."""

import errno
import hashlib
import json
import math
import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ray_mtlkd.data.inputs import Array

CACHE_VARIABLE = "MTLKD_CACHE"
"""Environment variable that names the folder; empty switches the cache off."""

LIMIT_BYTES = 4 * 2**30
"""Size of a folder's entries, beyond which those that were used longest ago are removed; unless an entry says more."""

_ALIGNMENT = 64


@dataclass(frozen=True)
class Kept:
    """What an entry holds: plain JSON data and arrays, mapped from the disk and read-only."""

    value: Any
    arrays: Mapping[str, Array]


@dataclass(frozen=True)
class Entry:
    """A folder of a result's own, whose name is a hash of all that the result depends on.

    Attributes:
        least_limit: Size that the entries beside it may have in any case.
    """

    folder: Path
    least_limit: float = 0.0

    def read(self) -> Kept | None:
        """What is kept here; None where nothing is, or part of it is missing. Arrays are not read yet: check them."""
        try:
            lines = (self.folder / "index.json").read_text(encoding="utf-8").split("\n", 1)
            whole = np.memmap(self.folder / "arrays.bin", np.uint8, mode="r").view(np.ndarray)
        except (OSError, ValueError):
            return None
        if lines[0] != _hash(lines[-1]):
            return None
        index = json.loads(lines[-1])
        if len(whole) != index["bytes"]:
            return None
        with suppress(OSError):  # where the folder is not ours to write, its age does not matter to us
            os.utime(self.folder)
        arrays = {name: _view(whole, *place) for name, place in index["arrays"].items()}
        return Kept(index["value"], arrays)

    def write(self, value: Any, arrays: Mapping[str, Array]) -> None:
        """Keep a result, whole or not at all; another one that is here is replaced.

        Warns where the disk refuses: no result is lost by that.
        """
        limit = max(LIMIT_BYTES, self.least_limit)
        if sum(array.nbytes for array in arrays.values()) > limit:
            return
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(dir=self.folder.parent))
            try:
                _write(draft, value, arrays)
                _remove(self.folder)
                _rename(draft, self.folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
            _shrink(self.folder.parent, limit)
        except OSError as error:
            said = f"nothing is kept in {self.folder.parent} ({error.strerror}); {CACHE_VARIABLE}= switches it off"
            warnings.warn(said, RuntimeWarning, stacklevel=2)


def cache_folder() -> Path | None:
    """The folder, which may not exist yet: ``MTLKD_CACHE``, else ``ray_mtlkd`` in the user's cache; None where off."""
    named = os.environ.get(CACHE_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ray_mtlkd"


def _write(folder: Path, value: Any, arrays: Mapping[str, Array]) -> None:
    places = {}
    with (folder / "arrays.bin").open("wb") as file:
        for name, array in arrays.items():
            file.write(bytes(-file.tell() % _ALIGNMENT))
            places[name] = (array.dtype.str, array.shape, file.tell())
            file.write(np.ascontiguousarray(array).data)
        size = file.tell()
    index = json.dumps({"bytes": size, "arrays": places, "value": value})
    (folder / "index.json").write_text(f"{_hash(index)}\n{index}", encoding="utf-8")


def _view(whole: Array, kind: str, shape: list[int], start: int) -> Array:
    dtype = np.dtype(kind)
    end = start + dtype.itemsize * math.prod(shape)
    return whole[start:end].view(dtype).reshape(shape)


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _rename(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError as error:
        # Another process was faster, with the same content.
        if error.errno not in {errno.EEXIST, errno.ENOTEMPTY}:
            raise


def _remove(folder: Path) -> None:
    """Take an entry away at once, then delete its files: who has mapped them keeps them."""
    grave = Path(tempfile.mkdtemp(dir=folder.parent))
    with suppress(FileNotFoundError):
        folder.rename(grave / "removed")
    shutil.rmtree(grave, ignore_errors=True)


def _shrink(folder: Path, limit: float) -> None:
    """Remove entries, and drafts of processes that died, until the rest is small enough: the oldest first."""
    entries = []
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):  # another process removes entries too
            size = sum(file.stat().st_size for file in entry.iterdir())
            entries.append((entry.stat().st_mtime, size, entry))
    total = sum(size for _, size, _ in entries)
    for _, size, entry in sorted(entries):
        if total <= limit:
            return
        _remove(entry)
        total -= size

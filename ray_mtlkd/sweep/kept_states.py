"""States in the cache folder, an Arrow file a part: checked as they are read, since disks damage files."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ray_mtlkd.data.inputs import Array
from ray_mtlkd.setups.cache import SUFFIX, Entry, cache_folder


@dataclass(frozen=True)
class KeptStates:
    """A part's states in the cache folder; None where there is no such folder."""

    entry: Entry | None

    @classmethod
    def by(cls, key: str, *, most_bytes: float) -> "KeptStates":
        """Those of a part, by its content; in all, so many bytes of states may be kept."""
        folder = cache_folder()
        if folder is None:
            return cls(None)
        return cls(Entry(folder / "states" / f"{key}{SUFFIX}", least_limit=most_bytes))

    @property
    def is_there(self) -> bool:
        """Whether something is; its numbers are not read."""
        return self.entry is not None and self.entry.read() is not None

    def read(self) -> Array | None:
        """They, mapped from the disk; None where nothing is there, or something damaged."""
        found = None if self.entry is None else self.entry.read()
        if found is None or found.value != _hash(found.arrays["states"]):
            return None
        return found.arrays["states"]

    def write(self, states: Array) -> None:
        """Keep them."""
        if self.entry is not None:
            self.entry.write(_hash(states), {"states": states})


def room_bytes() -> int:
    """What the disk of the cache folder has left; 0 where nothing is kept."""
    folder = cache_folder()
    return 0 if folder is None else shutil.disk_usage(_nearest(folder)).free


def _nearest(folder: Path) -> Path:
    """The folder, or the first one above it that is there."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _hash(array: Array) -> str:
    return hashlib.blake2b(np.ascontiguousarray(array).data, digest_size=16).hexdigest()

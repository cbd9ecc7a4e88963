"""Where a public table's files lie, and how they become train, valid and test."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from ray_mtlkd.data.examples import Split
from ray_mtlkd.setups.manifest import Manifest

Tables = Mapping[Split, pa.Table]


@dataclass(frozen=True, kw_only=True)
class PinnedFiles:
    """Files of one commit of a public repository.

    Attributes:
        root: ``OWNER/NAME/COMMIT``.
        files: Paths below it.
    """

    root: str
    files: tuple[str, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Of the files below the address that holds all repositories."""
        return tuple(f"{self.root}/{file}" for file in self.files)


@dataclass(frozen=True, kw_only=True)
class PublicData:
    """One ``data`` of a manifest.

    Attributes:
        licence: What is known of it, in a phrase.
        sources: That it is made of.
        read: Its tables; takes the manifest, and for each of the sources the folder that its files lie in.
    """

    licence: str
    sources: tuple[PinnedFiles, ...]
    read: Callable[[Manifest, tuple[Path, ...]], Tables]

    @property
    def paths(self) -> tuple[str, ...]:
        """Of all files."""
        return tuple(path for source in self.sources for path in source.paths)


def draw(key: str) -> Split:
    """The part that a row goes to, by a hash of its key: 70 % train, 10 % valid, 20 % test."""
    share = int(hashlib.sha1(f"mtl0|{key}".encode(), usedforsecurity=False).hexdigest()[:8], 16) / 2**32
    return "train" if share < 0.7 else "valid" if share < 0.8 else "test"  # noqa: PLR2004 - the shares


def split_by(keys: list[str], table: pa.Table) -> Tables:
    """The rows of a table where their keys send them, in their order."""
    parts = [draw(key) for key in keys]
    names: tuple[Split, ...] = ("train", "valid", "test")
    return {name: table.filter(pa.array([part == name for part in parts])) for name in names}

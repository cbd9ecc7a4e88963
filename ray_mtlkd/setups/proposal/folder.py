"""What in a folder looks like the tables of tasks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.files import READERS, FolderSource, ending_of, table_files

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 64
ALL: frozenset[Split] = frozenset(SPLITS)
"""What one file lacks."""


@dataclass(frozen=True, kw_only=True)
class FoundData:
    """The tables of one task, or of several.

    Attributes:
        data: Their place below the folder, as a manifest names it.
        name: What a task may be called after them.
        train: The table that tells most: train, or the one file.
        lacking: Parts that are to be cut from others.
    """

    data: str
    name: str
    train: Path
    lacking: frozenset[Split]


def found_data(folder: Path) -> list[FoundData]:
    """Folders with a train table, and files of their own, by name.

    Raises:
        MtlkdError: where the folder is missing, or has neither.
    """
    if not folder.is_dir():
        fix = "give a folder that holds tables, or folders with train, valid and test tables"
        raise MtlkdError("no such folder", where=str(folder), fix=fix)
    found = list(_split_folders(folder)) or [
        FoundData(data=path.name, name=safe_name(path.name[: -len(ending_of(path))]), train=path, lacking=ALL)
        for path in sorted(folder.iterdir())
        if path.is_file() and ending_of(path) and not path.name.startswith(".")
    ]
    if not found:
        fix = f"put one file a task there ({', '.join(READERS)}), or a folder a task with train, valid and test tables"
        raise MtlkdError("there are no tables", where=str(folder), fix=fix)
    return found


def safe_name(text: str) -> str:
    """A name that manifests take, as near to the text as can be."""
    return _UNSAFE.sub("_", text).strip("_.-")[:_LONGEST] or "data"


def _split_folders(folder: Path) -> Iterator[FoundData]:
    """The folder itself where it holds train, valid and test, else what lies in it."""
    source, own = FolderSource(folder), table_files(folder, "train")
    if own:
        yield FoundData(data=".", name=safe_name(folder.resolve().name), train=own[0], lacking=source.lacking("."))
        return
    for path in sorted(folder.iterdir()):
        tables = table_files(path, SPLITS[0]) if path.is_dir() and not path.name.startswith(".") else []
        if tables:
            yield FoundData(
                data=path.name, name=safe_name(path.name), train=tables[0], lacking=source.lacking(path.name)
            )

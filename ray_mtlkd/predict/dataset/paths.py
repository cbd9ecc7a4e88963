"""Which files a data set consists of: those of a folder, or those that fit a pattern, on any file system."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from pyarrow.fs import FileSelector, FileType

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.storage import Storage


def find(data: str) -> tuple[Storage, list[str]]:
    """The folder of a data set and the names of its Parquet files, sorted.

    Args:
        data: A folder, a file, or a pattern with ``*`` (in one name), ``**`` (any folders) and ``[…]``; also a URI.

    Raises:
        MtlkdError: where there is none.
    """
    folder, pattern = _base(data)
    storage = Storage.at(folder)
    info = storage.filesystem.get_file_info(storage.root)
    if pattern is None and info.type == FileType.File:
        parent = Storage.at(_parent(folder))
        return parent, [info.base_name]
    selector = FileSelector(storage.root, allow_not_found=True, recursive=pattern is not None)
    below = sorted(
        each.path.removeprefix(storage.root).lstrip("/")
        for each in storage.filesystem.get_file_info(selector)
        if each.type == FileType.File
    )
    names = [name for name in below if _fits(name, pattern)]
    if not names:
        fix = "give a folder of .parquet files, or a pattern such as 'DIR/*/*.parquet'"
        raise MtlkdError("no Parquet file here" if pattern is None else "no file fits", where=data, fix=fix)
    return storage, names


def _base(data: str) -> tuple[str, str | None]:
    """The folder above the first wildcard, and the pattern from there on; None where there is no wildcard."""
    path, mark, query = data.partition("?") if "://" in data else (data, "", "")
    names = path.rstrip("/").split("/")
    wild = [at for at, name in enumerate(names) if any(sign in name for sign in "*[")]
    if not wild:
        return ("/".join(names) or "/") + mark + query, None
    return ("/".join(names[: wild[0]]) or "/") + mark + query, "/".join(names[wild[0] :])


def _parent(uri: str) -> str:
    path, mark, query = uri.partition("?") if "://" in uri else (uri, "", "")
    return (path.rpartition("/")[0] or "/") + mark + query


def _fits(name: str, pattern: str | None) -> bool:
    """Whether a file is of the data set; those that begin with ``_`` or ``.`` are other programs' marks."""
    if name.rpartition("/")[2].startswith(("_", ".")):
        return False
    if pattern is None:
        return name.endswith(".parquet")
    return _matches(name.split("/"), pattern.split("/"))


def _matches(names: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not names
    if patterns[0] == "**":
        return _matches(names, patterns[1:]) or (bool(names) and _matches(names[1:], patterns))
    return bool(names) and fnmatchcase(names[0], patterns[0]) and _matches(names[1:], patterns[1:])

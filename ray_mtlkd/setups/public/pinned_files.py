"""Pinned files from their origin or a mirror of it, through pooch: whole, with the right checksum, or not at all."""

import functools
import logging
from collections.abc import Callable, Sequence
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import Later
from ray_mtlkd.storage import reaching

_pooch = Later("pooch")
_requests = Later("requests")

ORIGIN = "https://raw.githubusercontent.com"
_TIMEOUT_S = 30
_PART_BYTES = 2**16


def registry() -> dict[str, str]:
    """SHA-256 of every pinned file, by ``OWNER/REPOSITORY/COMMIT/PATH``."""
    text = resources.files("ray_mtlkd.setups.public").joinpath("registry.txt").read_text(encoding="utf-8")
    return dict(line.rsplit(" ", 1) for line in text.splitlines())


def download(paths: Sequence[str], folder: Path, *, mirror: str, tell: Callable[[str, int, int], None]) -> None:
    """See to it that pinned files are in a folder; those that are stay.

    Args:
        paths: Of `registry`.
        folder: Of the files, at their paths; may not exist yet.
        mirror: What stands before the paths in their addresses.
        tell: Hears which file is next, how many are here, and of how many.

    Raises:
        MtlkdError: where pooch is missing, or for the first file that cannot be had or is another.
    """
    where = f"--mirror {mirror}"
    if not mirror.startswith(("https://", "http://")):
        raise MtlkdError("is no address of the web", where=where, fix="give one that begins with https:// or http://")
    if find_spec("pooch") is None:
        raise MtlkdError("pooch is not installed", where="setups fetch", fix="pip install 'ray-mtlkd[public]'")
    _pooch.get_logger().setLevel(logging.WARNING)
    source = _pooch.create(path=folder, base_url=mirror.rstrip("/") + "/", registry=registry())
    with reaching(str(folder)), _requests.Session() as session:
        for done, path in enumerate(paths):
            tell(path.rpartition("/")[2], done, len(paths))
            address = source.get_url(path)
            try:
                source.fetch(path, downloader=functools.partial(_get, session))
            except _requests.RequestException as error:
                fix = "see to the connection and say the same again (what has come stays), or name a --mirror"
                raise MtlkdError(f"cannot be had ({_why(error)})", where=address, fix=fix) from error
            except ValueError as error:  # what pooch says of another checksum
                fix = "tell who runs that address, or take another --mirror"
                raise MtlkdError("is not the file that is pinned here (by SHA-256)", where=address, fix=fix) from error


def _get(session: Any, address: str, draft: str, _: Any) -> None:
    """What pooch's own does with a connection for each file, which it leaves open where one fails."""
    with session.get(address, stream=True, timeout=_TIMEOUT_S) as response:
        response.raise_for_status()
        with Path(draft).open("wb") as file:
            file.writelines(response.iter_content(_PART_BYTES))


def _why(error: OSError) -> str:
    kinds = (
        (_requests.Timeout, "no answer in time"),
        (_requests.ConnectionError, "no connection"),
        (_requests.exceptions.ChunkedEncodingError, "the connection was cut"),
    )
    said = first_line(error).partition(" for url")[0]
    return next((words for kind, words in kinds if isinstance(error, kind)), said)

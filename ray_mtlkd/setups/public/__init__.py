"""Public setups of the catalogue: their tables from the files at their origin, each file known by its checksum."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet

from ray_mtlkd.setups.cache import cache_folder
from ray_mtlkd.setups.manifest import Manifest
from ray_mtlkd.setups.public import census, commerce, intents
from ray_mtlkd.setups.public.origin import PublicData
from ray_mtlkd.setups.public.pinned_files import ORIGIN, download
from ray_mtlkd.storage import reaching

__all__ = ["ORIGIN", "PUBLIC", "fetch"]

PUBLIC: Mapping[str, Mapping[str, PublicData]] = {
    "census": census.DATA,
    "commerce": commerce.DATA,
    "intents": intents.DATA,
}
"""By the folder that holds the tables, and ``data`` there."""


def fetch(
    manifest: Manifest,
    data: Sequence[str],
    folder: Path,
    *,
    mirror: str = ORIGIN,
    tell: Callable[[str, int, int], None],
) -> None:
    """Make tables of a public setup: all that are asked for, or none.

    Files are kept in the cache (`cache_folder`), so that the same call goes on where one ended.

    Args:
        manifest: Of the catalogue; its name is a key of `PUBLIC`.
        data: Which of its ``data``; none of them is there.
        folder: Where ``DATA/{train,valid,test}.parquet`` go.
        mirror: Address below which files lie as ``OWNER/REPOSITORY/COMMIT/PATH``.
        tell: Hears which file is next, how many are here, and of how many.

    Raises:
        MtlkdError: where a file cannot be had or is another than the pinned one, or the disk refuses.
    """
    public = PUBLIC[manifest.name]
    with ExitStack() as until:
        known = cache_folder()
        kept = Path(until.enter_context(tempfile.TemporaryDirectory())) if known is None else known / "public"
        download([path for name in data for path in public[name].paths], kept, mirror=mirror, tell=tell)
        until.enter_context(reaching(str(folder)))
        folder.mkdir(parents=True, exist_ok=True)
        draft = Path(until.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-")))
        for name in data:
            folders = tuple(kept / source.root for source in public[name].sources)
            (draft / name).mkdir()
            for split, table in public[name].read(manifest, folders).items():
                pyarrow.parquet.write_table(table, draft / name / f"{split}.parquet", compression="zstd")
        for name in data:
            (draft / name).rename(folder / name)

"""Where results that take long are kept between runs, by the content that they were computed from."""

import hashlib
import os
from pathlib import Path

import pyarrow as pa

from ray_mtlkd.setups.raw import RawSetup
from ray_mtlkd.tasks.examples import SPLITS

CACHE_VARIABLE = "MTLKD_CACHE"
"""Environment variable that names the folder; empty switches the cache off."""


def cache_folder() -> Path | None:
    """The folder, which may not exist yet: ``MTLKD_CACHE``, else ``ray_mtlkd`` in the user's cache; None where off."""
    named = os.environ.get(CACHE_VARIABLE)
    if named is not None:
        return Path(named) if named else None
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ray_mtlkd"


def content_hash(raw: RawSetup) -> str:
    """Hash of a setup's manifest and of every input and label in its tables."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((raw.manifest.name, tuple(raw.manifest.tasks.items()), raw.manifest.shares_rows)).encode())
    seen: set[int] = set()
    for task in raw.tasks:
        digest.update(repr(task.task).encode())
        for split in SPLITS:
            part = task.splits[split]
            if id(part.inputs) not in seen:
                seen.add(id(part.inputs))
                digest.update(_serialised(part.inputs))
            for array in (part.labels, part.row_ids):
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(array.tobytes())
    return digest.hexdigest()


def _serialised(table: pa.Table) -> memoryview:
    # Serialising leaves out what a slice does not show, so that equal tables give equal bytes.
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None).combine_chunks())
    return memoryview(sink.getvalue())

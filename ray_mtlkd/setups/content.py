"""What a setup is, wherever it lies: what its manifest says of each task, and what is in its tables."""

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.decode import join, leaves
from ray_mtlkd.serial import fingerprint, plain
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedSplit, ValidatedTask

_ROWS = 2**16
"""Of a table, that are hashed at a time."""


def content_of(validated: ValidatedSetup) -> dict[str, Any]:
    """A setup in pieces that can be compared one by one, by path, e.g. ``tasks.match.metric``, ``tables.match.train``.

    A table is the hash of every input and label that a task reads of it: no file's name or format counts.
    """
    hashes: dict[int, str] = {}
    found: dict[str, Any] = {"shared": validated.manifest.shares_rows}
    for name, spec in validated.manifest.tasks.items():
        found.update(leaves(plain(spec), join("tasks", name)))
    for task in validated.tasks:
        for split in SPLITS:
            part = task.splits[split]
            if id(part.inputs) not in hashes:
                hashes[id(part.inputs)] = _table_hash(part.inputs)
            found[join("tables", task.task.name, split)] = _split_hash(task, part, hashes[id(part.inputs)])
        if task.unlabelled is not None:
            found[join("tables", task.task.name, "unlabelled")] = _table_hash(task.unlabelled)
    return found


def content_hash(validated: ValidatedSetup) -> str:
    """One hash of a setup's name and all its content."""
    return fingerprint((validated.manifest.name, content_of(validated)))[:32]


def _split_hash(task: ValidatedTask, part: ValidatedSplit, inputs: str) -> str:
    digest = hashlib.blake2b(repr((task.task, inputs)).encode(), digest_size=16)
    for array in (part.labels, part.row_ids, *(each for each in (part.groups, part.weights) if each is not None)):
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _table_hash(table: pa.Table) -> str:
    sink = _Hashing()
    plain_table = table.replace_schema_metadata(None)
    # Serialising leaves out what a slice does not show, so that equal rows give equal bytes however they lie in memory.
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), plain_table.schema) as writer:
        for rows in _slices(plain_table):
            writer.write_table(rows.combine_chunks())
    return sink.digest.hexdigest()


def _slices(table: pa.Table) -> Iterator[pa.Table]:
    for start in range(0, table.num_rows, _ROWS):
        yield table.slice(start, _ROWS)


class _Hashing(io.RawIOBase):
    """A stream that keeps nothing but the hash of what is written to it."""

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)

    def writable(self) -> bool:
        """Nothing else."""
        return True

    def write(self, data: Any) -> int:
        """Hash it."""
        self.digest.update(data)
        return len(data)

"""The folder that a sweep writes: its search space, its records, its trials' checkpoints and event files.

::

    space.yaml       the search space, as it was given
    sweep.json       name and fingerprint of the space, fingerprints of the tables, versions
    records/         of finished trials, see `ray_mtlkd.sweep.archive`; nothing else is needed for a report
    classical/       one Parquet file a setup: what classical models reach on its tasks
    models/          one folder a trial that keeps its model: `ray_mtlkd.predict.model_folder`
    checkpoints/     of trials that have not finished
    errors/          tracebacks of trials that a defect ended
    tensorboard/     one folder a trial
    tune/            Ray Tune's own bookkeeping
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import ClassicalRecord, classical_to_table
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import Storage, join_uri

_SPACE, _HEAD = "space.yaml", "sweep.json"


@dataclass(frozen=True, kw_only=True)
class SweepHead:
    """What makes two runs the same sweep, and what they ran with.

    Attributes:
        space: Fingerprint of the search space.
        tables: Fingerprint of each setup's tables.
        versions: Of the packages that decide results.
    """

    name: str
    space: str
    tables: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def sweep(self) -> str:
        """The sweep's identity in its records."""
        return f"{self.name}-{self.space[:8]}"


def check_empty(storage: Storage) -> None:
    """Make sure that a new sweep would overwrite nothing.

    Raises:
        MtlkdError: where there is something in the folder.
    """
    if not storage.is_empty:
        raise MtlkdError(
            "there is something in this folder already",
            where=storage.uri,
            fix=f"go on with a sweep by `--resume {storage.uri}`, or give another `--out`",
        )


def check_space(storage: Storage, fingerprint: str) -> None:
    """Make sure that a folder holds a sweep of this search space.

    Raises:
        MtlkdError: where it holds none, or one of another space.
    """
    if _head(storage).space != fingerprint:
        raise MtlkdError(
            "this folder holds a sweep of another search space",
            where=storage.uri,
            fix=f"give the search space that it was started with ({join_uri(storage.uri, _SPACE)})",
        )


def _head(storage: Storage) -> SweepHead:
    data = storage.read(_HEAD)
    if data is None:
        raise MtlkdError("no sweep to resume", where=storage.uri, fix="start one with `--out` instead of `--resume`")
    where = join_uri(storage.uri, _HEAD)
    return loads(SweepHead, data, where=where, fix="start a new sweep with another `--out`")


def create(storage: Storage, head: SweepHead, *, space_text: str) -> None:
    """Start a sweep."""
    storage.write(_HEAD, dumps(head, indent=1).encode())
    storage.write(_SPACE, space_text.encode())


def check_same(storage: Storage, head: SweepHead) -> None:
    """Make sure that a folder holds this very sweep.

    Raises:
        MtlkdError: where it holds none, or one of another space, other tables or other versions.
    """
    check_space(storage, head.space)
    there = _head(storage)
    changed = sorted(name for name, mark in head.tables.items() if there.tables.get(name) != mark)
    if changed:
        raise MtlkdError(
            f"the tables of {', '.join(changed)} have changed since the sweep began",
            where=storage.uri,
            fix="restore them, or start a new sweep with another `--out`",
        )
    if there.versions != head.versions:
        pairs = {name: (there.versions.get(name), now) for name, now in head.versions.items()}
        moved = ", ".join(f"{name} {then} is now {now}" for name, (then, now) in pairs.items() if then != now)
        raise MtlkdError(
            f"the sweep began with other versions, and trials would not be comparable: {moved}",
            where=storage.uri,
            fix="install what it began with, or start a new sweep with another `--out`",
        )


def write_classical(storage: Storage, records: Sequence[ClassicalRecord]) -> None:
    """A setup's classical models, there whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(classical_to_table(records), buffer)
    storage.write(f"classical/{records[0].setup}.parquet", buffer.getvalue())


def has_classical(storage: Storage, setup: str, *, tasks: int) -> bool:
    """Whether the classical models of all of a setup's tasks have been written."""
    data = storage.read(f"classical/{setup}.parquet")
    return data is not None and pq.ParquetFile(io.BytesIO(data)).metadata.num_rows == tasks

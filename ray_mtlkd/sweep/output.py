"""What a sweep writes into its folder besides trials, and what makes a folder the same sweep's."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import ClassicalRecord, classical_to_table
from ray_mtlkd.serial import dumps, loads
from ray_mtlkd.storage import join_uri
from ray_mtlkd.sweep_folder import HEAD, PARQUET, SPACE, SweepFolder


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


def check_empty(folder: SweepFolder) -> None:
    """Make sure that a new sweep would overwrite nothing.

    Raises:
        MtlkdError: where there is something in the folder.
    """
    if not folder.root.is_empty:
        raise MtlkdError(
            "there is something in this folder already",
            where=folder.uri,
            fix=f"go on with a sweep by `--resume {folder.uri}`, or give another `--out`",
        )


def check_space(folder: SweepFolder, fingerprint: str) -> None:
    """Make sure that a folder holds a sweep of this search space.

    Raises:
        MtlkdError: where it holds none, or one of another space.
    """
    if _head(folder).space != fingerprint:
        raise MtlkdError(
            "this folder holds a sweep of another search space",
            where=folder.uri,
            fix=f"give the search space that it was started with ({join_uri(folder.uri, SPACE)})",
        )


def _head(folder: SweepFolder) -> SweepHead:
    data = folder.root.read(HEAD)
    if data is None:
        raise MtlkdError("no sweep to resume", where=folder.uri, fix="start one with `--out` instead of `--resume`")
    where = join_uri(folder.uri, HEAD)
    return loads(SweepHead, data, where=where, fix="start a new sweep with another `--out`")


def create(folder: SweepFolder, head: SweepHead, *, space_text: str) -> None:
    """Start a sweep."""
    folder.root.write(HEAD, dumps(head, indent=1).encode())
    folder.root.write(SPACE, space_text.encode())


def check_same(folder: SweepFolder, head: SweepHead) -> None:
    """Make sure that a folder holds this very sweep.

    Raises:
        MtlkdError: where it holds none, or one of another space, other tables or other versions.
    """
    check_space(folder, head.space)
    there = _head(folder)
    changed = sorted(name for name, mark in head.tables.items() if there.tables.get(name) != mark)
    if changed:
        raise MtlkdError(
            f"the tables of {', '.join(changed)} have changed since the sweep began",
            where=folder.uri,
            fix="restore them, or start a new sweep with another `--out`",
        )
    if there.versions != head.versions:
        pairs = {name: (there.versions.get(name), now) for name, now in head.versions.items()}
        moved = ", ".join(f"{name} {then} is now {now}" for name, (then, now) in pairs.items() if then != now)
        raise MtlkdError(
            f"the sweep began with other versions, and trials would not be comparable: {moved}",
            where=folder.uri,
            fix="install what it began with, or start a new sweep with another `--out`",
        )


def write_classical(folder: SweepFolder, records: Sequence[ClassicalRecord]) -> None:
    """A setup's classical models, there whole or not at all."""
    buffer = io.BytesIO()
    pq.write_table(classical_to_table(records), buffer)
    folder.classical.write(f"{records[0].setup}{PARQUET}", buffer.getvalue())


def has_classical(folder: SweepFolder, setup: str, *, tasks: int) -> bool:
    """Whether the classical models of all of a setup's tasks have been written."""
    data = folder.classical.read(f"{setup}{PARQUET}")
    return data is not None and pq.ParquetFile(io.BytesIO(data)).metadata.num_rows == tasks

"""The folder that a sweep writes: its search space, its records, its trials' checkpoints and event files.

::

    space.yaml       the search space, as it was given
    sweep.json       name and fingerprint of the space, fingerprints of the tables, versions
    records/         one Parquet file a finished trial; nothing else is needed for a report
    checkpoints/     of trials that have not finished
    errors/          tracebacks of trials that a defect ended
    tensorboard/     one folder a trial
    tune/            Ray Tune's own bookkeeping
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import TaskRecord, to_table
from ray_mtlkd.training.checkpoint import Storage

_SPACE, _HEAD = "space.yaml", "sweep.json"


@dataclass(frozen=True, kw_only=True)
class Head:
    """What makes two runs the same sweep, and what they ran with.

    Attributes:
        space: Fingerprint of the search space.
        tables: Fingerprint of each setup's tables.
        versions: Of Python and the packages that decide results.
    """

    name: str
    space: str
    tables: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def sweep(self) -> str:
        """The sweep's identity in its records."""
        return f"{self.name}-{self.space[:8]}"


def create(storage: Storage, head: Head, *, space_text: str) -> None:
    """Start a sweep in an empty folder.

    Raises:
        MtlkdError: where a sweep is there already.
    """
    if storage.read(_HEAD) is not None or storage.names():
        raise MtlkdError(
            "there is something in this folder already",
            where=storage.root,
            fix=f"go on with it by `--resume {storage.root}`, or give another `--out`",
        )
    storage.write(_SPACE, space_text.encode())
    storage.write(_HEAD, json.dumps(asdict(head), indent=1).encode())


def resume(storage: Storage, head: Head) -> None:
    """Make sure that a folder holds this very sweep.

    Raises:
        MtlkdError: where it holds none, or one of another space or other tables.
    """
    data = storage.read(_HEAD)
    if data is None:
        raise MtlkdError("no sweep to resume", where=storage.root, fix="start one with `--out` instead of `--resume`")
    there = Head(**json.loads(data))
    if there.space != head.space:
        raise MtlkdError(
            "this folder holds a sweep of another search space",
            where=storage.root,
            fix=f"give the search space that it was started with ({storage.root}/{_SPACE})",
        )
    changed = sorted(name for name, mark in head.tables.items() if there.tables.get(name) != mark)
    if changed:
        raise MtlkdError(
            f"the tables of {', '.join(changed)} have changed since the sweep began",
            where=storage.root,
            fix="restore them, or start a new sweep with another `--out`",
        )


def write_records(storage: Storage, trial: str, records: list[TaskRecord]) -> None:
    """A finished trial's records, there whole or not at all."""
    buffer = io.BytesIO()
    # A report reads thousands of these small files: dictionaries and statistics would only make each of them larger.
    pq.write_table(to_table(records), buffer, use_dictionary=False, write_statistics=False)
    storage.write(f"records/{trial}.parquet", buffer.getvalue())


def finished(storage: Storage) -> dict[str, float | None]:
    """Trials with records, by name: the validation score, or None where the trial failed."""
    found = {}
    folder = storage.child("records")
    for name in folder.names():
        if name.endswith(".parquet"):
            data = folder.read(name)
            rows = pq.read_table(io.BytesIO(data or b""), columns=["trial", "status", "score"]).slice(0, 1).to_pylist()
            found[rows[0]["trial"]] = rows[0]["score"] if rows[0]["status"] == "ok" else None
    return found

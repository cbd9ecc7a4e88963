"""Classical models that an earlier run computed, by the setup's content and the version of this code."""

import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet as pq

from ray_mtlkd.errors import first_line
from ray_mtlkd.foreign.tables import read_parquet
from ray_mtlkd.records import CLASSICAL, ClassicalRecord, classical_from_table, classical_to_table
from ray_mtlkd.seals import check_table, sealed_table
from ray_mtlkd.setups.cache import cache_folder

VERSION = f"3-sklearn-{version('scikit-learn')}"
"""Changes with every change of the models or their features that may change a figure."""


def find(content: str, *, tasks: Sequence[str], say: Callable[[str], None]) -> tuple[ClassicalRecord, ...] | None:
    """The models of a content's tasks; None where the cache is off or does not hold them.

    Args:
        content: Hash of the setup.
        tasks: Names of its tasks.
        say: Told of a damaged file.
    """
    path = _path(content)
    if path is None or not path.exists():
        return None
    try:
        table = read_parquet(check_table(path.read_bytes()))
        records = classical_from_table(table) if table.schema.equals(CLASSICAL) else []
    except OSError as error:
        say(f"{path} is damaged and will be replaced ({first_line(error)})")
        return None
    if [(record.content, record.task) for record in records] != [(content, task) for task in tasks]:
        say(f"{path} holds something else and will be replaced")
        return None
    return tuple(records)


def keep(records: Sequence[ClassicalRecord], *, say: Callable[[str], None]) -> None:
    """Write a setup's models, whole or not at all; do nothing where the cache is off.

    Args:
        records: At least one.
        say: Told where the folder cannot be written.
    """
    path = _path(records[0].content)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            draft = Path(folder) / path.name
            pq.write_table(classical_to_table(records), draft)
            draft.write_bytes(sealed_table(draft.read_bytes()))
            draft.replace(path)
    except OSError as error:
        say(f"the models are not kept: {path.parent} cannot be written ({error.strerror})")


def _path(content: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / "classical" / f"{content}-{VERSION}.parquet"

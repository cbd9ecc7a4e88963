"""Setups in real files: one of one task, sound until a test breaks it, and the first rows of a built-in one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from ray_mtlkd import setups
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.synthetic import manifest_of


@dataclass
class Files:
    """A setup's folder: `spec` is the task in the manifest, `tables` what its files hold."""

    folder: Path
    spec: dict[str, Any] = field(
        default_factory=lambda: {
            "kind": "multiclass",
            "data": "mail",
            "text": ["text"],
            "label": "label",
            "metric": "accuracy",
        }
    )
    tables: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "train": {"text": ["pay now", "hello you", "pay me", "hello"], "label": [0, 1, 0, 1]},
            "valid": {"text": ["pay", "hello now"], "label": [0, 1]},
            "test": {"text": ["pay you", "oh hello"], "label": [0, 1]},
        }
    )

    @property
    def manifest(self) -> Path:
        return self.folder / "shop.yaml"

    def path(self, split: str, suffix: str = ".parquet") -> Path:
        return self.folder / self.spec["data"] / f"{split}{suffix}"

    def write(self) -> None:
        self.manifest.write_text(yaml.safe_dump({"name": "shop", "tasks": {"intent": self.spec}}))
        (self.folder / self.spec["data"]).mkdir(exist_ok=True)
        for split, columns in self.tables.items():
            pq.write_table(pa.table(columns), self.path(split))

    def change(self, column: str, values: Any, *, splits: tuple[str, ...] = ("train", "valid", "test")) -> None:
        for split in splits:
            self.tables[split][column] = values

    def read(self) -> setups.ValidatedSetup:
        return setups.read(str(self.manifest), data_dir=None)

    def written(self) -> setups.ValidatedSetup:
        self.write()
        return self.read()

    def problems(self) -> list[MtlkdError]:
        """What reading the files as they lie says is wrong."""
        try:
            self.read()
        except MtlkdError as problem:
            return [problem]
        except ExceptionGroup as group:
            return list(_leaves(group))
        return []

    def problem(self) -> MtlkdError:
        """The only problem of the written files."""
        self.write()
        (found,) = self.problems()
        return found


def _leaves(group: ExceptionGroup[Any]) -> Iterator[MtlkdError]:
    for part in group.exceptions:
        if isinstance(part, ExceptionGroup):
            yield from _leaves(part)
        else:
            assert isinstance(part, MtlkdError), part
            yield part


def write_fewer(name: str, folder: Path, *, tasks: Sequence[str], rows: int) -> None:
    """Some tasks of a built-in setup, of vectors, with so many rows a split at most, as a setup called `fewer`."""
    specs = {}
    for task in tasks:
        spec = manifest_of(name).tasks[task]
        specs[task] = {key: getattr(spec, key) for key in ("kind", "data", "vector", "label", "metric")}
        (folder / spec.data).mkdir()
        for split, table in setups.generate(name)[spec.data].items():
            pq.write_table(table.slice(0, rows), folder / spec.data / f"{split}.parquet")
    (folder / "fewer.yaml").write_text(yaml.safe_dump({"name": "fewer", "tasks": specs}, sort_keys=False))

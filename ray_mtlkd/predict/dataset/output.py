"""The folder that is written: one Parquet file a part, and a manifest once all of them are there.

::

    part-00000.parquet   its schema's metadata say what it holds, made by whom, of which rows, by which settings
    manifest.json        all that the parts have in common, and each part's checksum; it may have another name

Every part is written as a draft first, so that one which is there is whole. What is there stays as it is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ray_mtlkd.predict.dataset.source import DataSet, Part
from ray_mtlkd.storage import DRAFT, Hashed, Storage

ABOUT = b"ray_mtlkd"
"""Under which a part's schema has its metadata."""

_FORMAT = 1
_GROUP_BYTES = 16 * 2**20
"""Size of a row group from which on it is written, before compression."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """One part of the output."""

    index: int
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PartLayout:
    """What every part of the output has in common, and which parts there will be.

    Attributes:
        common: In each part's metadata and in the manifest.
        schema: The columns of a part.
        parts: All of them.
        digits: Of a part's number in the name of its file; names sort as parts do.
        noun: What the rows become, in the plural, for errors.
        maker: Who makes it: what ``common`` calls its identity.
        stored: How columns are written: options of pyarrow's.
        manifest_file: Name of the manifest.
    """

    common: Mapping[str, Any]
    schema: pa.Schema
    parts: tuple[Part, ...]
    digits: int
    noun: str
    maker: str
    stored: Mapping[str, Any]
    manifest_file: str

    @classmethod
    def of(
        cls,
        common: Mapping[str, Any],
        *,
        schema: pa.Schema,
        parts: Iterable[Part],
        noun: str,
        maker: str,
        stored: Mapping[str, Any],
        manifest_file: str = "manifest.json",
    ) -> Self:
        """The layout of what is made of some parts."""
        everything = tuple(parts)
        return cls(
            common={"format": _FORMAT, **common},
            schema=schema,
            parts=everything,
            digits=max(5, len(str(len(everything) - 1))),
            noun=noun,
            maker=maker,
            stored=stored,
            manifest_file=manifest_file,
        )

    def name(self, part: Part) -> str:
        """The file of a part."""
        return f"part-{part.index:0{self.digits}}.parquet"

    def about(self, part: Part) -> dict[str, Any]:
        """A part's metadata."""
        return {
            **self.common,
            "source": asdict(part.file),
            "rows": [part.start, part.stop],
            "first_row": part.first_row,
        }


class PartWriter:
    """Writes a part's pieces as they come."""

    def __init__(self, writer: pq.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema
        self._held: list[pa.Table] = []

    def write(self, columns: Sequence[pa.Array | pa.ChunkedArray]) -> None:
        """Add some rows."""
        self._held.append(pa.table(list(columns), schema=self._schema))
        if sum(table.nbytes for table in self._held) >= _GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Make what was added a row group."""
        if self._held:
            self._writer.write_table(pa.concat_tables(self._held))
            self._held = []


@contextmanager
def writing(storage: Storage, layout: PartLayout, part: Part, found: list[Written]) -> Iterator[PartWriter]:
    """A writer for a part, which is there once the body has ended well; what was written is added to ``found``."""
    described = layout.schema.with_metadata({**(layout.schema.metadata or {}), ABOUT: json.dumps(layout.about(part))})
    with storage.writing(layout.name(part)) as stream:
        hashed = Hashed(stream)
        options = {"compression": "zstd", "write_page_checksum": True, **layout.stored}
        with pq.ParquetWriter(hashed, described, **options) as writer:
            rows = PartWriter(writer, described)
            yield rows
            rows.flush()
        found.append(Written(index=part.index, rows=part.rows, bytes=hashed.bytes, sha256=hashed.sha256))


def clean(storage: Storage, layout: PartLayout) -> None:
    """Remove what dead runs have left half written, and the manifest of an output that is not whole any more."""
    for name in storage.names():
        if name.endswith(DRAFT) or name == layout.manifest_file:
            storage.delete(name)


def manifest(layout: PartLayout, source: DataSet, written: Sequence[Written]) -> dict[str, Any]:
    """All about the output; the same for the same labels."""
    by_index = {each.index: each for each in written}
    parts = []
    for part in layout.parts:
        known = by_index[part.index]
        parts.append(
            {
                "file": layout.name(part),
                "rows": known.rows,
                "bytes": known.bytes,
                "sha256": known.sha256,
                "first_row": part.first_row,
                "source": part.file.name,
                "source_rows": [part.start, part.stop],
            }
        )
    files = [asdict(file) for file in source.files]
    return {**layout.common, "rows": source.rows, "files": files, "parts": parts}


def write_manifest(storage: Storage, layout: PartLayout, value: Mapping[str, Any]) -> None:
    """The last file of a whole output."""
    storage.write(layout.manifest_file, json.dumps(value, indent=1).encode())

"""The folder that labels go to: one Parquet file a part, and a manifest once all of them are there.

::

    part-00000.parquet   labels; its schema's metadata say which teacher's, of which rows, by which settings
    manifest.json        all that the parts have in common, and each part's checksum

Every part is written as a draft first, so that one which is there is whole. What is there stays as it is.
"""

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.sweep.dataset.labels import Settings, schema
from ray_mtlkd.sweep.dataset.source import Part, Source
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.storage import DRAFT, Storage, join_uri

MANIFEST = "manifest.json"
_ABOUT = b"ray_mtlkd"
_FORMAT = 1
_CHECKERS = 4
"""Parts that are read at a time to see whether they are whole."""

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
class Layout:
    """What every part of the output has in common, and which parts there will be.

    Attributes:
        common: In each part's metadata and in the manifest.
        schema: The columns of a part.
        parts: All of them.
        digits: Of a part's number in the name of its file; names sort as parts do.
    """

    common: Mapping[str, Any]
    schema: pa.Schema
    parts: tuple[Part, ...]
    digits: int

    @classmethod
    def of(
        cls, settings: Settings, task: Task, *, teacher: str, keys: Sequence[pa.Field], parts: Iterable[Part]
    ) -> Self:
        """The layout of what a teacher says of some parts."""
        everything = tuple(parts)
        return cls(
            common=_common(settings, task, teacher=teacher),
            schema=schema(settings, task, keys),
            parts=everything,
            digits=max(5, len(str(len(everything) - 1))),
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


def _common(settings: Settings, task: Task, *, teacher: str) -> dict[str, Any]:
    """What decides the labels of any row."""
    return {
        "format": _FORMAT,
        "teacher": teacher,
        "task": task.name,
        "kind": task.kind,
        "classes": list(task.classes),
        "center": task.center,
        "scale": task.scale,
        **{name: value for name, value in asdict(settings).items() if name != "task"},
        "key": list(settings.key),
    }


class _Hashed(io.RawIOBase):
    """A stream that also hashes what goes through it."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self._stream = stream
        self.bytes = 0
        self.sha256 = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._stream.write(view)
        self.sha256.update(view)
        self.bytes += len(view)
        return len(view)


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
def writing(storage: Storage, layout: Layout, part: Part, found: list[Written]) -> Iterator[PartWriter]:
    """A writer for a part, which is there once the body has ended well; what was written is added to ``found``."""
    described = layout.schema.with_metadata({_ABOUT: json.dumps(layout.about(part))})
    with storage.writing(layout.name(part)) as stream:
        hashed = _Hashed(stream)
        options = {"compression": "zstd", "use_dictionary": False, "write_statistics": ["row"]}
        with pq.ParquetWriter(hashed, described, write_page_checksum=True, **options) as writer:
            rows = PartWriter(writer, described)
            yield rows
            rows.flush()
        found.append(Written(index=part.index, rows=part.rows, bytes=hashed.bytes, sha256=hashed.sha256.hexdigest()))


def survey(storage: Storage, layout: Layout) -> list[Written]:
    """The parts that are there.

    Raises:
        MtlkdError: the only file that is damaged or something else; ExceptionGroup of them, where there are several.
    """
    ours = {layout.name(part): part for part in layout.parts}
    names = [name for name in storage.names() if not name.endswith(DRAFT) and name != MANIFEST]
    others = [name for name in names if name not in ours] + storage.folders()
    if others:
        fix = "give another --out, or the data set and --rows-per-part that this folder was started with"
        raise MtlkdError(f"{others[0]} is no part of this output", where=storage.uri, fix=fix)
    with ThreadPoolExecutor(_CHECKERS) as pool:
        looked = list(pool.map(lambda name: _look(storage, name, layout, ours[name]), names))
    raise_all(storage.uri, [each for each in looked if isinstance(each, MtlkdError)])
    return [each for each in looked if isinstance(each, Written)]


def _look(storage: Storage, name: str, layout: Layout, part: Part) -> Written | MtlkdError:
    """A part that is there, read from end to end."""
    where = join_uri(storage.uri, name)
    data = storage.read(name) or b""
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        about = json.loads((file.schema_arrow.metadata or {})[_ABOUT])
        rows = sum(batch.num_rows for batch in file.iter_batches())
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        said = (str(error).splitlines() or [""])[0][:200]
        fix = "delete it, and its labels are computed again"
        return MtlkdError(f"this part is damaged, or no part at all ({said})", where=where, fix=fix)
    wanted = layout.about(part)
    if about != wanted:
        return _other(about, wanted, where=where)
    if rows != part.rows or not file.schema_arrow.equals(layout.schema):
        return MtlkdError("this part has other rows or columns than it says", where=where, fix="delete it")
    return Written(index=part.index, rows=rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _other(about: Mapping[str, Any], wanted: Mapping[str, Any], *, where: str) -> MtlkdError:
    """The error for labels of something else than is wanted now."""
    fix = "give another --out"
    changed = [name for name in wanted if about.get(name) != wanted[name]]
    if "teacher" in changed:
        then, now = str(about.get("teacher"))[:8], str(wanted["teacher"])[:8]
        return MtlkdError(f"these are labels of another teacher ({then}…, not {now}…)", where=where, fix=fix)
    if set(changed) & {"source", "rows", "first_row"}:
        fix += ", or the data set and --rows-per-part that this folder was started with"
        return MtlkdError("these are labels of other rows", where=where, fix=fix)
    said = ", ".join(f"{name} is {about.get(name)!r}, not {wanted[name]!r}" for name in changed) or "other keys"
    return MtlkdError(f"these labels were made with other settings: {said}", where=where, fix=fix)


def clean(storage: Storage) -> None:
    """Remove what dead runs have left half written, and the manifest of an output that is not whole any more."""
    for name in storage.names():
        if name.endswith(DRAFT) or name == MANIFEST:
            storage.delete(name)


def manifest(layout: Layout, source: Source, written: Sequence[Written]) -> dict[str, Any]:
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


def write_manifest(storage: Storage, value: Mapping[str, Any]) -> None:
    """The last file of a whole output."""
    storage.write(MANIFEST, json.dumps(value, indent=1).encode())


def is_complete(storage: Storage, layout: Layout, source: Source) -> bool:
    """Whether the manifest says that all parts are there, and they have the size that it says.

    Raises:
        MtlkdError: where the manifest is damaged or of another output, or a part has another size.
    """
    data = storage.read(MANIFEST)
    if data is None:
        return False
    where = join_uri(storage.uri, MANIFEST)
    try:
        told = json.loads(data)
        written = [
            Written(index=at, rows=each["rows"], bytes=each["bytes"], sha256=each["sha256"])
            for at, each in enumerate(told["parts"])
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise MtlkdError("this is no manifest, or a damaged one", where=where, fix="give another --out") from error
    there = {name: told.get(name) for name in layout.common}
    if there != layout.common:
        raise _other(there, layout.common, where=where)
    if len(written) != len(layout.parts) or manifest(layout, source, written) != told:
        raise _other({**layout.common, "source": None}, {**layout.common, "source": source.uri}, where=where)
    sizes = storage.sizes()
    for part, each in zip(layout.parts, written, strict=True):
        size = sizes.get(layout.name(part))
        if size is not None and size != each.bytes:
            fix = "delete it, and its labels are computed again"
            where = join_uri(storage.uri, layout.name(part))
            raise MtlkdError(f"this part has {size} bytes, not {each.bytes}", where=where, fix=fix)
    return all(layout.name(part) in sizes for part in layout.parts)

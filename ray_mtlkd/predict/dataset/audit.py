"""What is in the output's folder already: whole parts of the same output are kept, anything else is an error."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import FileType

from ray_mtlkd.errors import MtlkdError, first_line, raise_all
from ray_mtlkd.predict.dataset.output import ABOUT, PartLayout, Written, manifest
from ray_mtlkd.predict.dataset.source import DataSet, Part
from ray_mtlkd.storage import DRAFT, Storage, join_uri

_CHECKERS = 4
"""Parts that are read at a time to see whether they are whole."""


def is_complete(storage: Storage, layout: PartLayout, source: DataSet) -> bool:
    """Whether the manifest says that all parts are there, and they have the size that it says.

    Raises:
        MtlkdError: where the manifest is damaged or of another output, a part has another size, or the folder is a
            file.
    """
    if storage.filesystem.get_file_info(storage.root).type == FileType.File:
        raise MtlkdError("this is a file", where=storage.uri, fix="give a folder, or a path where nothing is yet")
    data = storage.read(layout.manifest_file)
    if data is None:
        return False
    where = join_uri(storage.uri, layout.manifest_file)
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
        raise _other(there, layout.common, layout, where=where)
    if len(written) != len(layout.parts) or manifest(layout, source, written) != told:
        raise _other({**there, "source": None}, {**there, "source": source.uri}, layout, where=where)
    sizes = storage.sizes()
    for part, each in zip(layout.parts, written, strict=True):
        size = sizes.get(layout.name(part))
        if size is not None and size != each.bytes:
            fix = f"delete it, and its {layout.noun} are computed again"
            where = join_uri(storage.uri, layout.name(part))
            raise MtlkdError(f"this part has {size} bytes, not {each.bytes}", where=where, fix=fix)
    return all(layout.name(part) in sizes for part in layout.parts)


def survey(storage: Storage, layout: PartLayout) -> list[Written]:
    """The parts that are there.

    Raises:
        MtlkdError: the only file that is damaged or something else; ExceptionGroup of them, where there are several.
    """
    ours = {layout.name(part): part for part in layout.parts}
    names = [name for name in storage.names() if not name.endswith(DRAFT) and name != layout.manifest_file]
    others = [name for name in names if name not in ours] + storage.folders()
    if others:
        fix = "give another --out, or the data set and --rows-per-part that this folder was started with"
        raise MtlkdError(f"{others[0]} is no part of this output", where=storage.uri, fix=fix)
    with ThreadPoolExecutor(_CHECKERS) as pool:
        looked = list(pool.map(lambda name: _look(storage, name, layout, ours[name]), names))
    raise_all(storage.uri, [each for each in looked if isinstance(each, MtlkdError)])
    return [each for each in looked if isinstance(each, Written)]


def _look(storage: Storage, name: str, layout: PartLayout, part: Part) -> Written | MtlkdError:
    """A part that is there, read from end to end."""
    where = join_uri(storage.uri, name)
    data = storage.read(name) or b""
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        about = json.loads((file.schema_arrow.metadata or {})[ABOUT])
        rows = sum(batch.num_rows for batch in file.iter_batches())
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        said = first_line(error)[:200]
        fix = f"delete it, and its {layout.noun} are computed again"
        return MtlkdError(f"this part is damaged, or no part at all ({said})", where=where, fix=fix)
    wanted = layout.about(part)
    if about != wanted:
        return _other(about, wanted, layout, where=where)
    if rows != part.rows or not file.schema_arrow.equals(layout.schema):
        return MtlkdError("this part has other rows or columns than it says", where=where, fix="delete it")
    return Written(index=part.index, rows=rows, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())


def _other(about: Mapping[str, Any], wanted: Mapping[str, Any], layout: PartLayout, *, where: str) -> MtlkdError:
    """The error for an output of something else than is wanted now."""
    fix, noun, maker = "give another --out", layout.noun, layout.maker
    changed = [name for name in wanted if about.get(name) != wanted[name]]
    if maker in changed:
        then, now = str(about.get(maker))[:8], str(wanted[maker])[:8]
        return MtlkdError(f"these are {noun} of another {maker} ({then}…, not {now}…)", where=where, fix=fix)
    if set(changed) & {"source", "rows", "first_row"}:
        fix += ", or the data set and --rows-per-part that this folder was started with"
        return MtlkdError(f"these are {noun} of other rows", where=where, fix=fix)
    said = ", ".join(f"{name} is {about.get(name)!r}, not {wanted[name]!r}" for name in changed) or "other keys"
    return MtlkdError(f"these {noun} were made with other settings: {said}", where=where, fix=fix)

"""What a trial predicts of validation and test rows, beside their labels: one Parquet file a trial.

A file is complete by itself: whoever reads it needs neither the tables nor PyTorch. It holds a row group a task and
split, read one at a time. Raw outputs are kept exactly, so that a metric can be computed again to the bit; of classes
of which a row has one, the likeliest with their probabilities in half precision. The same trial gives the same bytes,
and its records hold their checksum.
"""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.foreign import UnreadableError
from ray_mtlkd.foreign.tables import checked, fitted, reading_table

LIKELIEST = 3
"""Classes that are kept of each row or token, where it has one of several."""

HeldOut = Literal["valid", "test"]
_LEVEL = 9
_FIX = "delete it: the report goes without, or its trial runs again once its record is deleted, too"


@dataclass(frozen=True, kw_only=True)
class PredictedRows:
    """One split of one task.

    Attributes:
        kind: With ``metric``, what the task is measured by; ``extent``: what is measured together, see `Kind`.
        table: Number of the table that the rows stand in: tasks of one table have the same number.
        classes: Names of the labels seen in train, in code order; empty where labels are numbers.
        threshold: With ``center`` and ``scale``, as the task has them.
        rows: Places in the file [N].
        offsets: Where each row's tokens, or each group's rows, begin among the labels, and where the last ones end;
            None where every row has one label.
        labels: Codes, numbers or 0 and 1, as `ray_mtlkd.data.examples.Examples` holds them: [N], [tokens] or [N, K'].
        outputs: Raw outputs [N] or [N, K]; None where each row or token has one of several classes.
        likeliest: Else the codes of the classes that are most probable, these first [N, k] or [tokens, k].
        probabilities: And how probable they are, likewise.
    """

    task: str
    split: HeldOut
    kind: str
    metric: str
    extent: str
    table: int
    classes: tuple[str, ...]
    threshold: float
    center: float
    scale: float
    rows: NDArray[np.int32]
    offsets: NDArray[np.int64] | None
    labels: NDArray[np.float32]
    outputs: NDArray[np.float32] | None
    likeliest: NDArray[np.int32] | None
    probabilities: NDArray[np.float16] | None

    @property
    def nbytes(self) -> int:
        """Size of the numbers."""
        return sum(getattr(self, name).nbytes for name in _ARRAYS if getattr(self, name) is not None)


_ARRAYS: dict[str, pa.DataType] = {
    "rows": pa.int32(),
    "offsets": pa.int64(),
    "labels": pa.float32(),
    "outputs": pa.float32(),
    "likeliest": pa.int32(),
    "probabilities": pa.float16(),
}
_PLAIN: dict[str, pa.DataType] = {
    **dict.fromkeys(("task", "split", "kind", "metric", "extent"), pa.string()),
    "table": pa.int32(),
    "classes": pa.list_(pa.string()),
    **dict.fromkeys(("threshold", "center", "scale"), pa.float64()),
}
_WIDTHS = {f"{name}_width": pa.int32() for name in _ARRAYS}
"""Columns of a matrix, whose rows lie one after the other in the list; 0 of a vector."""
_SCHEMA = pa.schema({**_PLAIN, **_WIDTHS, **{name: pa.list_(kind) for name, kind in _ARRAYS.items()}})
_ENCODINGS = {
    "rows.list.element": "DELTA_BINARY_PACKED",
    "offsets.list.element": "DELTA_BINARY_PACKED",
    "outputs.list.element": "BYTE_STREAM_SPLIT",
}
_REPEATED = ["labels.list.element", "likeliest.list.element"]


def to_bytes(parts: Sequence[PredictedRows]) -> bytes:
    """A file's content: the same for the same predictions."""
    table = pa.Table.from_pylist([_row(part) for part in parts], schema=_SCHEMA)
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        row_group_size=1,
        use_dictionary=_REPEATED,
        column_encoding=_ENCODINGS,
        compression="zstd",
        compression_level=_LEVEL,
        write_statistics=False,
        store_schema=False,
    )
    return buffer.getvalue()


def checksum(data: bytes) -> str:
    """As a trial's records hold it."""
    return hashlib.sha256(data).hexdigest()


def read(data: bytes, *, expected: str, split: HeldOut, where: str) -> Iterator[PredictedRows]:
    """The tasks of a file, one after the other, of one split.

    Args:
        data: A file's content.
        expected: Its checksum, of the trial's records.
        split: The other one is not decoded.
        where: Names the file in errors.

    Raises:
        MtlkdError: where the content is another, or no such file.
    """
    if checksum(data) != expected:
        what = "not what the trial wrote: its checksum is another than that of the trial's record"
        raise MtlkdError(what, where=where, fix=_FIX)
    try:
        with reading_table():
            file = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False)
            splits = file.read(columns=["split"], use_threads=False)["split"].to_pylist()
            if file.num_row_groups != len(splits):
                raise UnreadableError("a task and split are not a row group each")
        for at in (at for at, found in enumerate(splits) if found == split):
            with reading_table():
                group = checked(file.read_row_group(at, use_threads=False))
                part = _part(fitted(group, _SCHEMA, defaults={}))
            _check(part)
            yield part
    except OSError as error:
        raise MtlkdError(f"no file of predictions ({first_line(error)})", where=where, fix=_FIX) from error


def _row(part: PredictedRows) -> dict[str, Any]:
    """A part as a row of the table."""
    plain = {name: getattr(part, name) for name in _PLAIN}
    arrays = {name: getattr(part, name) for name in _ARRAYS}
    widths = {f"{name}_width": _width(array) for name, array in arrays.items()}
    return {**plain, **widths, **{name: None if array is None else array.ravel() for name, array in arrays.items()}}


def _width(array: NDArray[Any] | None) -> int | None:
    if array is None:
        return None
    return 0 if array.ndim == 1 else array.shape[1]


def _part(table: pa.Table) -> PredictedRows:
    """The inverse of `_row`."""
    found: dict[str, Any] = {name: table[name][0].as_py() for name in _PLAIN}
    found["classes"] = tuple(found["classes"])
    for name in _ARRAYS:
        width = table[f"{name}_width"][0].as_py()
        if width is None:
            found[name] = None
            continue
        values = table[name].combine_chunks().values.to_numpy(zero_copy_only=False)
        found[name] = values.reshape(-1, width) if width else values
    return PredictedRows(**{field.name: found[field.name] for field in fields(PredictedRows)})


def _check(part: PredictedRows) -> None:
    """Make sure that all that is said of a split's rows is of the same ones.

    Raises:
        UnreadableError: where it is not.
    """
    count = len(part.labels)
    said = [each for each in (part.outputs, part.likeliest, part.probabilities) if each is not None]
    agree = all(len(each) == count for each in said) and (part.outputs is None) is (part.likeliest is not None)
    if part.likeliest is not None and part.probabilities is not None:
        known = ((part.likeliest >= 0) & (part.likeliest < len(part.classes))).all()
        agree = agree and part.likeliest.shape == part.probabilities.shape and bool(known)
    if part.offsets is not None:
        ends = part.offsets[:1], part.offsets[-1:]
        agree = agree and [each.tolist() for each in ends] == [[0], [count]] and not (np.diff(part.offsets) < 0).any()
    if not agree or (part.likeliest is None) is not (part.probabilities is None):
        raise UnreadableError(f"labels and predictions of {part.task} are not of the same rows")

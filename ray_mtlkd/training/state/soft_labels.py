"""Soft labels of a whole train table: what a student recalls of its teacher, row by row.

They are stored beside a run as an Arrow file, written once. Where the folder is on a file system of this machine, the
file is mapped into memory: of a large table only the rows that batches recall are ever read. Fewer numbers do as well:
half precision, or the k largest logits of each row, whose probabilities then add up to one without the others.
"""

import hashlib
import math
import posixpath
from dataclasses import dataclass

import pyarrow as pa
import torch
from pyarrow.fs import FileType
from torch import Tensor

from ray_mtlkd.data.examples import viewed
from ray_mtlkd.foreign import UnreadableError
from ray_mtlkd.foreign.tables import read_record, reading_table
from ray_mtlkd.storage import Hashed, Storage
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.settings import Distillation, SoftNumbers

_VALUES, _CLASSES, _OUTPUTS = "values", "classes", b"outputs"
_TYPES: dict[SoftNumbers, torch.dtype] = {"float32": torch.float32, "float16": torch.float16}
_CHUNK = 2**20


@dataclass(frozen=True, kw_only=True)
class SoftTable:
    """Raw outputs of a teacher for N rows (tokens).

    Attributes:
        values: [N], [N, K], or the k largest of each row, [N, k]; float32 or float16.
        classes: Which of the K classes these are [N, k] int32; None where all are there.
        outputs: K, or 1 where there is one output a row.
    """

    values: Tensor
    classes: Tensor | None
    outputs: int

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Size of the numbers."""
        return self.values.nbytes + (0 if self.classes is None else self.classes.nbytes)

    def take(self, at: Tensor) -> Tensor:
        """Outputs of the rows ``at`` [B]: [B] or [B, K] float32, minus infinity where a class was not kept."""
        values = self.values.index_select(0, at).float()
        if self.classes is None:
            return values
        absent = values.new_full((len(at), self.outputs), -torch.inf)
        return absent.scatter_(1, self.classes.index_select(0, at).long(), values)

    def to(self, device: torch.device) -> "SoftTable":
        """The same table on a device."""
        classes = None if self.classes is None else self.classes.to(device)
        return SoftTable(values=self.values.to(device), classes=classes, outputs=self.outputs)


@dataclass(frozen=True, kw_only=True)
class SoftTarget:
    """What a task that distils learns from.

    Attributes:
        table: A teacher's outputs, aligned with the task's train labels.
        teacher: Factor on the distillation loss, 0 or above.
        labels: Factor on the loss on labels, which is added, 0 or above.
    """

    table: SoftTable
    teacher: float = 1.0
    labels: float = 0.0


def soft_table(outputs: Tensor, task: Task, settings: Distillation) -> SoftTable:
    """What is kept of a teacher's ``outputs`` [N] or [N, K]: fewer classes only where there is one answer of K."""
    values, classes, width = outputs, None, 1 if outputs.ndim == 1 else outputs.shape[1]
    if settings.top_k is not None and kind_of(task).is_exclusive and settings.top_k < width:
        values, largest = outputs.topk(settings.top_k, dim=1)
        classes = largest.to(torch.int32)
    return SoftTable(values=values.to(_TYPES[settings.soft_labels]), classes=classes, outputs=width)


def save(storage: Storage, name: str, table: SoftTable) -> str:
    """Write a file, whole or not at all; returns its checksum."""
    columns = {_VALUES: table.values} if table.classes is None else {_VALUES: table.values, _CLASSES: table.classes}
    batch = pa.RecordBatch.from_arrays([_column(part) for part in columns.values()], names=list(columns))
    batch = batch.replace_schema_metadata({_OUTPUTS: str(table.outputs)})
    with storage.writing(name) as stream:
        hashed = Hashed(stream)
        with pa.ipc.new_file(hashed, batch.schema) as writer:
            writer.write_batch(batch)
    return hashed.sha256


def load(storage: Storage, name: str) -> SoftTable:
    """A file's content, mapped into memory where it is on this machine's own file system.

    Raises:
        UnreadableError: where it holds no soft labels.
    """
    path = posixpath.join(storage.root, name)
    source = pa.memory_map(path) if storage.is_local else pa.BufferReader(storage.read(name))
    batch = read_record(source)
    with reading_table():
        parts = {column: _tensor(batch.column(column)) for column in batch.schema.names}
        width = int((batch.schema.metadata or {})[_OUTPUTS])
        table = SoftTable(values=parts[_VALUES], classes=parts.get(_CLASSES), outputs=width)
    _check(table)
    return table


def checksum(storage: Storage, name: str) -> str | None:
    """SHA-256 of a file, or None where there is none."""
    path = posixpath.join(storage.root, name)
    if storage.filesystem.get_file_info(path).type != FileType.File:
        return None
    found = hashlib.sha256()
    with storage.filesystem.open_input_stream(path) as stream:
        while part := stream.read(_CHUNK):
            found.update(part)
    return found.hexdigest()


def _column(tensor: Tensor) -> pa.Array:
    flat = pa.array(tensor.cpu().contiguous().view(-1).numpy())
    return flat if tensor.ndim == 1 else pa.FixedSizeListArray.from_arrays(flat, tensor.shape[1])


def _tensor(column: pa.Array) -> Tensor:
    flat, shape = column, [len(column)]
    if pa.types.is_fixed_size_list(column.type):
        flat, shape = column.flatten(), [len(column), column.type.list_size]
    found = viewed(flat.to_numpy(zero_copy_only=True))
    if found.numel() != math.prod(shape):
        raise UnreadableError("some rows have no numbers")
    return found.view(shape)


def _check(table: SoftTable) -> None:
    values, classes = table.values, table.classes
    if values.dtype not in _TYPES.values():
        raise UnreadableError(f"soft labels of type {values.dtype}")
    width = 1 if values.ndim == 1 else values.shape[1]
    if classes is None:
        fits = width == table.outputs
    else:
        fits = classes.shape == values.shape and classes.dtype == torch.int32 and width < table.outputs
        fits = fits and (not len(classes) or bool(classes.min() >= 0 and classes.max() < table.outputs))
    if not fits:
        raise UnreadableError(f"they are not of {table.outputs} outputs a row")

"""What a teacher says of a table's rows, as Arrow columns."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.predict.predictions import outputs_of
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task

Values = Literal["logits", "probabilities"]
Precision = Literal["float32", "float16"]

_TYPES: Mapping[Precision, pa.DataType] = {"float32": pa.float32(), "float16": pa.float16()}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is wanted of each row.

    Attributes:
        task: Whose head predicts.
        values: Raw outputs (of regression: in standard deviations from the mean of train), or probabilities.
        dtype: What they are stored in.
        top_k: Only the so many most likely classes; None for all.
        key: Columns that are copied beside the row number.
    """

    task: str
    values: Values = "logits"
    dtype: Precision = "float32"
    top_k: int | None = None
    key: tuple[str, ...] = ()


def check_settings(settings: Settings, task: Task) -> None:
    """Make sure that the task has what is wanted.

    Raises:
        MtlkdError: where it does not.
    """
    if settings.values == "probabilities" and kind_of(task).confidence is None:
        fix = "ask for logits: raw outputs (numbers: in deviations from the mean of train, which are in the manifest)"
        raise MtlkdError(f"{task.name} is {task.kind}: it has no probabilities", where="--values", fix=fix)
    if settings.top_k is not None and kind_of(task).is_scalar:
        fix = "leave the option out"
        raise MtlkdError(f"{task.name} is {task.kind}: it has no classes to choose from", where="--top-k", fix=fix)
    if settings.top_k is not None and not 1 <= settings.top_k <= task.outputs:
        fix = f"give a number from 1 to {task.outputs}"
        raise MtlkdError(f"{settings.top_k} of {task.outputs} classes", where="--top-k", fix=fix)
    taken = {field.name for field in fields(settings, task)} | {"row"}
    for column in settings.key:
        if column in taken or settings.key.count(column) > 1:
            fix = "name each key column once, and rename it in the data set where the labels have that name"
            raise MtlkdError(f"two columns of the output would be called {column!r}", where="--key", fix=fix)


def fields(settings: Settings, task: Task) -> list[pa.Field]:
    """The columns of labels."""
    kind = _TYPES[settings.dtype]
    if kind_of(task).is_scalar:
        return [pa.field(settings.values, kind, nullable=False)]
    width = settings.top_k or task.outputs
    columns: list[tuple[str, pa.DataType]] = [(settings.values, pa.list_(kind, width))]
    if settings.top_k is not None:
        columns.insert(0, ("classes", pa.list_(pa.int32(), width)))
    wrap = pa.list_ if kind_of(task).per_token else (lambda inner: inner)
    return [pa.field(name, wrap(inner), nullable=False) for name, inner in columns]


class Labeller:
    """A teacher at work on one task.

    Args:
        kept: Its model goes to the device.
        settings: What is wanted.
        device: Where it predicts.
    """

    def __init__(self, kept: KeptModel, settings: Settings, *, device: str = "cpu") -> None:
        self._settings = settings
        self._kept = kept
        self._task = kept.tasks[kept.index(settings.task)]
        self._device = device
        kept.model.to(device)

    def columns(self, table: pa.Table, *, first_row: int, where: str) -> list[pa.Array | pa.ChunkedArray]:
        """All columns of some rows, in the order of `schema`.

        Raises:
            MtlkdError: as `label` does.
        """
        numbers = pa.array(np.arange(first_row, first_row + table.num_rows, dtype=np.int64))
        keys = (table[name] for name in self._settings.key)
        return [numbers, *keys, *self.label(table, where=where)]

    def label(self, table: pa.Table, *, where: str) -> list[pa.Array]:
        """A table's labels, in the order of `fields`.

        Raises:
            MtlkdError: naming ``where``, where a column does not fit; ExceptionGroup of them where several do not.
        """
        outputs = outputs_of(self._kept, self._settings.task, table, where=where, device=self._device)
        return self._columns(outputs.values, outputs.offsets, where=where)

    def _columns(self, outputs: Tensor, offsets: NDArray[Any] | None, *, where: str) -> list[pa.Array]:
        rule = kind_of(self._task)
        if self._settings.values == "probabilities":
            outputs = outputs.softmax(1) if rule.is_exclusive else outputs.sigmoid()
        columns = [outputs]
        if self._settings.top_k is not None:
            # stable: of equals, the first class, on whatever machine
            found, places = outputs.sort(dim=1, descending=True, stable=True)
            columns = [places[:, : self._settings.top_k].int(), found[:, : self._settings.top_k]]
        arrays = [self._narrow(column.contiguous().numpy(), where=where) for column in columns]
        if rule.is_scalar:
            return [pa.array(array) for array in arrays]
        lists = [pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), array.shape[1]) for array in arrays]
        if not rule.per_token or offsets is None:
            return lists
        return [pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner) for inner in lists]

    def _narrow(self, values: NDArray[Any], *, where: str) -> NDArray[Any]:
        if self._settings.dtype == "float32" or values.dtype != np.float32:
            return values
        if values.size and np.abs(values).max() > np.finfo(np.float16).max:
            raise MtlkdError("an output is too large for float16", where=where, fix="use --dtype float32")
        return values.astype(np.float16)


def about(settings: Settings, task: Task) -> dict[str, Any]:
    """What decides the labels of any row, beside the teacher."""
    return {
        "task": task.name,
        "kind": task.kind,
        "classes": list(task.classes),
        "center": task.center,
        "scale": task.scale,
        **{name: value for name, value in asdict(settings).items() if name != "task"},
        "key": list(settings.key),
    }


def schema(settings: Settings, task: Task, keys: Sequence[pa.Field]) -> pa.Schema:
    """All columns of a part: row number, key, labels."""
    return pa.schema([pa.field("row", pa.int64(), nullable=False), *keys, *fields(settings, task)])

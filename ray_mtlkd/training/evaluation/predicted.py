"""What a model predicts of the rows that a trial is measured on, as it is kept."""

from dataclasses import replace

import numpy as np
import scipy.special
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd.data.examples import SetupTables, TaskTables
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.predicted import LIKELIEST, HeldOut, PredictedRows
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.kinds.base import Floats
from ray_mtlkd.tasks.metrics import metric_of
from ray_mtlkd.training.evaluation.evaluate import outputs_of

SPLITS: tuple[HeldOut, ...] = ("valid", "test")


def predicted_rows(
    model: MultitaskModel, tables: SetupTables[Tensor], *, whole: SetupTables[Tensor]
) -> list[PredictedRows]:
    """Validation and test of every task of a model.

    Args:
        model: Left in evaluation mode.
        tables: Of the model's tasks.
        whole: Of all tasks of the trial, which may have a model each.
    """
    places = {table.task.name: at for at, table in enumerate(whole.tasks)}
    found = []
    for split in SPLITS:
        outputs = outputs_of(model, tables, split, range(len(tables.tasks)))
        for table, raw in zip(tables.tasks, outputs, strict=True):
            place = 0 if whole.shares_rows else places[table.task.name]
            found.append(_kept(table, split, raw.cpu().numpy(), place=place))
    return found


def kept_bytes(table: TaskTables[Tensor]) -> int:
    """Size of what is kept of a task before it is compressed."""
    kind = kind_of(table.task)
    a_label = 6 * min(LIKELIEST, table.task.outputs) if kind.is_exclusive else 4 * table.task.outputs
    parts = (table.valid, table.test)
    rows = sum(4 * len(part) + a_label * len(part.labels) + 4 * part.labels.numel() for part in parts)
    return rows + sum(8 * len(part.label_offsets) for part in parts if part.label_offsets is not None)


def _kept(table: TaskTables[Tensor], split: HeldOut, outputs: Floats, *, place: int) -> PredictedRows:
    plain = measurable(table, split, outputs, place=place)
    if plain.likeliest is None:
        return plain
    likeliest, probabilities = _likeliest(outputs)
    return replace(plain, likeliest=likeliest, probabilities=probabilities)


def measurable(table: TaskTables[Tensor], split: HeldOut, outputs: Floats, *, place: int = 0) -> PredictedRows:
    """What the task's metric needs: of classes that exclude each other the most probable one, without probability."""
    task, kind, examples = table.task, kind_of(table.task), getattr(table, split)
    offsets = examples.label_offsets
    return PredictedRows(
        task=task.name,
        split=split,
        kind=task.kind,
        metric=metric_of(task).name,
        extent=kind.extent,
        table=place,
        classes=task.classes,
        threshold=task.threshold,
        center=task.center,
        scale=task.scale,
        rows=examples.row_ids.cpu().numpy().astype(np.int32),
        offsets=None if offsets is None else offsets.cpu().numpy(),
        labels=examples.labels.cpu().numpy().astype(np.float32),
        outputs=None if kind.is_exclusive else outputs,
        likeliest=outputs.argmax(axis=1)[:, None].astype(np.int32) if kind.is_exclusive else None,
        probabilities=None,
    )


def _likeliest(logits: Floats) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
    """The most probable classes, of equals the first, and their probabilities."""
    order = np.argsort(-logits, axis=1, kind="stable")[:, :LIKELIEST]
    shares = np.take_along_axis(scipy.special.softmax(logits, axis=1), order, axis=1)
    return order.astype(np.int32), shares.astype(np.float16)

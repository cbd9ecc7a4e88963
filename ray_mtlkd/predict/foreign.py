"""What a teacher from elsewhere says of a task's train table: a kept model, or Parquet files of soft labels."""

import numpy as np
import torch
from numpy.typing import NDArray

from ray_mtlkd.data.examples import GivenLabels, Split, TaskTables
from ray_mtlkd.data.inputs import Array, flat_index
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.predict.model_folder import KeptModel, followed, holds_model, load
from ray_mtlkd.predict.predictions import outputs_in_pieces
from ray_mtlkd.predict.soft_files import AllOutputs, check_task, read_soft_files
from ray_mtlkd.setups.validated import ValidatedTask
from ray_mtlkd.storage import Storage, absolute, reaching
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.metrics import evaluate


def given_labels(folder: str, validated: ValidatedTask, tables: TaskTables[Array]) -> GivenLabels[Array]:
    """What is said in a folder of the labelled rows of a task's train table.

    Args:
        folder: Path or URI: ``models/TRIAL`` of a sweep, or Parquet files.
        validated: The task's tables before they are features.
        tables: The same as features.

    Raises:
        MtlkdError: where it cannot be read, or does not fit the task or its rows.
    """
    uri = absolute(folder)
    with reaching(uri):
        storage = followed(Storage.at(uri))
        if holds_model(storage):
            return _by_model(load(storage), validated, tables)
        said = read_soft_files(storage, tables.task, rows=validated.splits["train"].inputs.num_rows)
    rows = validated.splits["train"].row_ids
    return GivenLabels(_labelled(said, rows, tables.train.offsets, where=uri), value=None, source=uri)


def _by_model(kept: KeptModel, validated: ValidatedTask, tables: TaskTables[Array]) -> GivenLabels[Array]:
    task = tables.task
    known = kept.tasks[kept.index(task.name)]
    check_task({"kind": known.kind, "classes": list(known.classes)}, task, where=kept.uri)

    def said(split: Split) -> NDArray[np.float32]:
        rows, examples = validated.splits[split], getattr(tables, split)
        found = outputs_in_pieces(kept, task.name, rows.inputs, where=f"{split} of {task.name}")
        # numbers are in standard deviations of train labels, which may have been others
        values = (found.values.double().numpy() * known.scale + known.center - task.center) / task.scale
        offsets = found.offsets if kind_of(task).per_token else None
        everything = AllOutputs(values.astype(np.float32), offsets)
        return _labelled(everything, rows.row_ids, examples.offsets, where=kept.uri)

    offsets = tables.valid.label_offsets
    value = evaluate(task, said("valid"), tables.valid.labels, None if offsets is None else offsets.astype(np.int64))
    return GivenLabels(said("train"), value=value, source=kept.uri)


def _labelled(said: AllOutputs, rows: NDArray[np.int64], offsets: Array | None, *, where: str) -> NDArray[np.float32]:
    """What is said of some rows.

    Args:
        said: Of every row of the file.
        rows: Those with a label, in the labels' order [N].
        offsets: Where the labels of each one's tokens begin [N+1]; None where it has one label.
        where: Names what said it.
    """
    if said.offsets is None or offsets is None:
        return np.ascontiguousarray(said.values[rows])
    if (np.diff(said.offsets)[rows] != np.diff(offsets)).any():
        fix = "label the same tokens: a list for each token of each row"
        raise MtlkdError("some rows have another number of tokens than in train", where=where, fix=fix)
    places, _ = flat_index(torch.from_numpy(said.offsets), torch.from_numpy(rows))
    return np.ascontiguousarray(said.values[places.numpy()])

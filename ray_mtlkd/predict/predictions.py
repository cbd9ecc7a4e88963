"""What a kept model says of a table's rows: raw outputs, or answers in the terms of the labels that it learned."""

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import scipy.special
import torch
from numpy.typing import NDArray
from torch import Tensor

from ray_mtlkd import setups
from ray_mtlkd.data.examples import unlabelled
from ray_mtlkd.data.inputs import token_offsets
from ray_mtlkd.errors import MtlkdError, raise_all, within
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.setups import Featuriser
from ray_mtlkd.setups.groups import read_groups
from ray_mtlkd.setups.tables import plain_column
from ray_mtlkd.setups.unseen import refuse_unseen, said_unseen
from ray_mtlkd.setups.values import said_markers
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.kinds.base import Floats, Kind
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation.evaluate import BATCH_ROWS, predict_all

_PIECE_ROWS = 8 * BATCH_ROWS
"""Rows that are featurised at a time: the n-grams of a text take many times its room."""


class TableWarning(UserWarning):
    """What a reader should know of a table that a model reads: categories new to it, cells read as missing."""


@dataclass(frozen=True)
class Outputs:
    """A task's raw outputs for some rows.

    Attributes:
        values: On the CPU, finite: [N], [N, K] or [tokens, K].
        offsets: Where each row's tokens begin [N+1]; None where there are none.
    """

    values: Tensor
    offsets: NDArray[Any] | None


def outputs_of(kept: KeptModel, task: str, table: pa.Table, *, where: str, device: str = "cpu") -> Outputs:
    """What the model's head for a task says of a table's rows, in their order.

    Args:
        kept: Its model is on the device.
        table: At least a row; columns that the task does not read are left alone.
        where: Names the table in errors.

    Raises:
        MtlkdError: where a column does not fit, or an output is not finite; ExceptionGroup of them, where several do
            not fit.
    """
    featuriser = kept.featurisers[task]
    checked = setups.check_inputs(table, featuriser.rules, where=where)
    try:
        inputs = featuriser.transform(checked.columns)
    except MtlkdError as error:
        raise within(where, [error])[0] from error
    values = predict_all(kept.model, kept.index(task), unlabelled(inputs, table.num_rows, device)).cpu()
    if not torch.isfinite(values).all():
        fix = "look for extreme values in these rows, or take another model"
        raise MtlkdError(f"the outputs of {task} are not finite", where=where, fix=fix)
    return Outputs(values, token_offsets(inputs))


def outputs_in_pieces(kept: KeptModel, task: str, table: pa.Table, *, where: str) -> Outputs:
    """Likewise of any number of rows, featurised some at a time.

    Raises:
        MtlkdError: as `outputs_of` does.
    """
    pieces = [
        outputs_of(kept, task, table.slice(at, _PIECE_ROWS), where=where)
        for at in range(0, table.num_rows, _PIECE_ROWS)
    ]
    lengths = [np.diff(piece.offsets) for piece in pieces if piece.offsets is not None]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64) if lengths else None
    return Outputs(torch.cat([piece.values for piece in pieces]), offsets)


def look_at(
    featuriser: Featuriser, table: pa.Table, *, columns: Collection[str], where: str, allow_unseen: float
) -> tuple[str, ...]:
    """What a reader should know of a table before a model reads it.

    Args:
        featuriser: Of the model's task.
        table: At least a row.
        columns: That are looked at, every one of categories among them.
        where: Names the table in errors.
        allow_unseen: Share of a column's categories that train need not show.

    Raises:
        MtlkdError: the only column that does not fit, or shows too many categories that train never showed;
            ExceptionGroup of them, where there are several.
    """
    rules = {name: rule for name, rule in featuriser.rules.items() if name in columns}
    checked = setups.check_inputs(table, rules, where=where)
    unseen = featuriser.unseen(checked.columns)
    fix = "give the values that the model was trained on, or allow unseen ones (allow_unseen, --allow-unseen: 1)"
    raise_all(where, list(refuse_unseen(unseen, allow_unseen, where=where, fix=fix)))
    said = [f"{where}: {said_unseen(unseen)}: they are read as missing"] if unseen else []
    marked = (
        f"{where}:{column}: read as missing: {said_markers(counts)}" for column, counts in checked.missing.items()
    )
    return (*said, *marked)


@dataclass(frozen=True)
class Answers:
    """What a model says of a table's rows, and what a reader should know of the table."""

    table: pa.Table
    notes: tuple[str, ...]


def predict_table(
    kept: KeptModel,
    task: str,
    table: pa.Table,
    *,
    where: str = "the table",
    allow_unseen: float = 0.5,
    probabilities: bool = False,
) -> pa.Table:
    """What the model predicts of each row, as a user would have labelled it.

    Args:
        kept: Its model is on the CPU.
        table: At least a row.
        where: Names the table in errors.
        allow_unseen: Share of a column's categories that train need not have shown; with more, the table does not look
            like what the model learned from.
        probabilities: Whether every class has its probability too, where labels are no numbers.

    Returns:
        ``TASK_prediction``: a class as labels say it (a name, whole number or truth value), a number in the label's own
        unit, a list of classes, or one tag a token; and, where labels are no numbers, ``TASK_probability`` in [0, 1]:
        of a binary task that of the positive class, else of what is predicted, a number, or one for each in the list;
        where they are asked for, also ``TASK_probability_CLASS`` of every class, a number, or one for each token.
        Of a ranking ``TASK_score``, and where the table has the task's group column, ``TASK_rank``: 1 for the
        highest score of a group, and equal ranks for equal scores.

    Warns:
        TableWarning: of categories that train never showed, and of cells that are read as missing.

    Raises:
        MtlkdError: where the model has no such task or a column does not fit; ExceptionGroup of them, where several do
            not.
    """
    said = answer(kept, task, table, where=where, allow_unseen=allow_unseen, probabilities=probabilities)
    for note in said.notes:
        warnings.warn(note, TableWarning, stacklevel=2)
    return said.table


def answer(
    kept: KeptModel, task: str, table: pa.Table, *, where: str, allow_unseen: float, probabilities: bool
) -> Answers:
    """The same with what would be warned of: warnings are the whole process's, and threads would mix theirs.

    Raises:
        MtlkdError: as `predict_table` does.
    """
    known = kept.tasks[kept.index(task)]
    featuriser = kept.featurisers[task]
    # of all rows at once
    notes = look_at(featuriser, table, columns=featuriser.rules, where=where, allow_unseen=allow_unseen)
    pieces = [
        _said(known, outputs_of(kept, task, table.slice(at, _PIECE_ROWS), where=where), probabilities=probabilities)
        for at in range(0, table.num_rows, _PIECE_ROWS)
    ]
    found = pa.concat_tables(pieces)
    if not known.group or known.group not in table.column_names:
        return Answers(found, notes)
    score, *_, rank = columns(known)
    at = f"{where}:{known.group}"
    groups = read_groups(plain_column(table[known.group], where=at), where=at)
    return Answers(found.append_column(rank, pa.array(_ranks(found[score].to_numpy(), groups))), notes)


def columns(task: Task) -> tuple[str, ...]:
    """The names of a task's answers; ranks are there where the table says which rows belong together."""
    kind = kind_of(task)
    more = [] if kind.confidence is None else ["probability"]
    return tuple(f"{task.name}_{what}" for what in (kind.answer, *more, *(["rank"] if kind.per_group else [])))


def class_columns(task: Task) -> tuple[str, ...]:
    """The names of its classes' probabilities; none where labels are numbers."""
    kind = kind_of(task)
    return () if kind.confidence is None else tuple(f"{task.name}_probability_{name}" for name in task.classes)


def _said(task: Task, outputs: Outputs, *, probabilities: bool) -> pa.Table:
    values, kind = outputs.values.numpy(), kind_of(task)
    predicted = kind.predict(task, values)
    probability = [] if kind.confidence is None else [kind.confidence(values, predicted)]
    offsets = outputs.offsets if kind.per_token else None
    if kind.labels == "classes":
        rows, codes = predicted.nonzero()
        offsets = np.array([0, *np.cumsum(predicted.sum(axis=1))])
        predicted, probability = codes, [each[rows, codes] for each in probability]
    said = pa.array(predicted)
    if kind.classes is not None:
        said = _classes(task).take(said)
    found = [said, *map(pa.array, probability)]
    made = found if offsets is None else [_lists(offsets, each) for each in found]
    table = pa.table(made, list(columns(task))[: len(made)])
    if not probabilities:
        return table
    tokens = outputs.offsets if kind.per_token else None
    for name, share in zip(class_columns(task), _shares(kind, values), strict=False):  # numbers have no classes
        each = pa.array(share)
        table = table.append_column(name, each if tokens is None else _lists(tokens, each))
    return table


def _shares(kind: Kind, values: Floats) -> NDArray[Any]:
    """The probability of every class [K, N], as the kind's outputs say it."""
    if kind.is_exclusive:
        return np.ascontiguousarray(scipy.special.softmax(values, axis=1).T)
    yes = scipy.special.expit(values)
    return np.stack([1 - yes, yes]) if kind.is_scalar else np.ascontiguousarray(yes.T)


def _classes(task: Task) -> pa.Array:
    """The classes as the labels said them."""
    names = pa.array(task.classes, pa.string())
    if task.answers == "names":
        return names
    numbers = names.cast(pa.int64())
    return numbers if task.answers == "numbers" else numbers.cast(pa.bool_())


def _ranks(scores: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """One more than the rows of a row's group that have a higher score [N]."""
    order = np.lexsort((-scores, groups))
    places = np.arange(len(order))
    is_first = np.diff(groups[order], prepend=-1) != 0
    is_lower = is_first | (np.diff(scores[order], prepend=0) != 0)
    first, tied = (np.maximum.accumulate(np.where(begins, places, 0)) for begins in (is_first, is_lower))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = tied - first + 1
    return ranks


def _lists(offsets: NDArray[Any], values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)

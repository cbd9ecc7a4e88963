"""Soft labels of a train table in Parquet files, whoever wrote them; ``docs/soft_labels.md`` has the schema."""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.foreign.tables import read_parquet
from ray_mtlkd.predict.dataset.output import ABOUT
from ray_mtlkd.storage import Storage, join_uri
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.task import Task

_SURE = 1e-7
"""What is added to a probability of 0, and taken from one of 1, where it stands alone: no number's sigmoid is that."""
_OFF = 0.01
"""By which the probabilities of a row may miss 1 in all: they may be in half precision."""

Numbers = NDArray[np.float64]


class AllOutputs(NamedTuple):
    """Raw outputs of all rows of a table, and where each row's tokens begin; None where there is one output a row."""

    values: NDArray[np.float32]
    offsets: NDArray[np.int64] | None


def read_soft_files(storage: Storage, task: Task, *, rows: int) -> AllOutputs:
    """What a folder's files say, in the order of the train table.

    Args:
        storage: The folder.
        task: What it is about.
        rows: Of the train table.

    Raises:
        MtlkdError: where they cannot be read, or do not fit the task or the rows.
    """
    where = storage.uri
    table = _table(storage)
    about = _about(table, where=where)
    check_task(about, task, where=where)
    table = _in_order(table, rows, where=where)
    given = [name for name in _AS_OUTPUTS if name in table.column_names]
    if len(given) != 1:
        fix = f"give one of these columns: {', '.join(_AS_OUTPUTS)}"
        raise MtlkdError(f"{' and '.join(given) or 'no soft labels'} given", where=where, fix=fix)
    at = join_uri(where, given[0])
    numbers, offsets = _numbers(table[given[0]], task, where=at)
    outputs = _AS_OUTPUTS[given[0]](numbers, task, about, at)
    if "classes" in table.column_names:
        at = join_uri(where, "classes")
        places, _ = _numbers(table["classes"], task, where=at)
        outputs = _spread(outputs, places.astype(np.int64), task, where=at)
    width = 1 if outputs.ndim == 1 else outputs.shape[1]
    if width != task.outputs:
        fix = f"give {task.outputs}, in the order of the task's classes: {', '.join(task.classes)}"
        raise MtlkdError(f"{width} numbers a row", where=at, fix=fix)
    return AllOutputs(outputs.astype(np.float32), offsets)


def check_task(about: Mapping[str, Any], task: Task, *, where: str) -> None:
    """Make sure that a teacher's task is the one that it is to teach, as far as it is known.

    Raises:
        MtlkdError: where its kind or classes are others.
    """
    if about.get("kind", task.kind) != task.kind:
        what = f"the teacher's task is {about['kind']}, and {task.name} is {task.kind}"
        raise MtlkdError(what, where=where, fix="give a teacher of the same kind of task")
    if tuple(about.get("classes", task.classes)) != task.classes:
        what = f"the teacher knows the classes {', '.join(about['classes'])}, and {task.name} {', '.join(task.classes)}"
        raise MtlkdError(what, where=where, fix="list the same `classes` in both manifests, in the same order")


def _table(storage: Storage) -> pa.Table:
    names = [name for name in storage.names() if name.endswith(".parquet")]
    if not names:
        fix = "give a folder of Parquet files with soft labels, or a sweep's models/TRIAL"
        raise MtlkdError("neither a model nor soft labels here", where=storage.uri, fix=fix)
    try:
        return pa.concat_tables([read_parquet(storage.read(name) or b"") for name in names])
    except (pa.ArrowException, OSError) as error:
        what = f"these files cannot be read together ({first_line(error)})"
        raise MtlkdError(what, where=storage.uri, fix="write whole files of one schema") from error


def _about(table: pa.Table, *, where: str) -> dict[str, Any]:
    """What the files say of the teacher's task, where they say something.

    Raises:
        MtlkdError: where that is no such thing.
    """
    try:
        about = json.loads((table.schema.metadata or {}).get(ABOUT, b"{}"))
        fits = all(_FITS[name](about[name]) for name in _FITS.keys() & about.keys())
        fits = fits and ("scale" in about) == ("center" in about)
    except (ValueError, TypeError, AttributeError, RecursionError):
        fits = False
    if not fits:
        fix = "write them again, or leave this key of the schema's metadata out"
        raise MtlkdError(f"{ABOUT.decode()} says nothing of a task", where=where, fix=fix)
    return cast(dict[str, Any], about)


def _is_number(value: object) -> bool:
    return type(value) in {int, float} and math.isfinite(cast(float, value))


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "kind": lambda value: isinstance(value, str),
    "classes": lambda value: isinstance(value, list) and all(isinstance(each, str) for each in value),
    "center": _is_number,
    "scale": lambda value: _is_number(value) and value > 0,
}


def _in_order(table: pa.Table, rows: int, *, where: str) -> pa.Table:
    """As many rows as train has, by ``row`` where that is given."""
    fix = f"label each of the {rows} rows of the train table once; `row` is its place, from 0"
    if table.num_rows != rows:
        raise MtlkdError(f"{table.num_rows} rows, and train has {rows}", where=where, fix=fix)
    if "row" not in table.column_names:
        return table
    if not pa.types.is_integer(table["row"].type) or table["row"].null_count:
        raise MtlkdError("these are not all whole numbers", where=join_uri(where, "row"), fix=fix)
    places = table["row"].to_numpy()
    order = np.argsort(places, kind="stable")
    if (places[order] != np.arange(rows)).any():
        raise MtlkdError("they do not name each row once", where=join_uri(where, "row"), fix=fix)
    return table.take(order)


def _numbers(column: pa.ChunkedArray, task: Task, *, where: str) -> tuple[Numbers, NDArray[np.int64] | None]:
    """A column as numbers [N] or [N, W], or of tokens [tokens, W] with their offsets."""
    kind, offsets, array = kind_of(task), None, column.combine_chunks()
    fix = "give a number a row" if kind.is_scalar else "give lists of one length" + " for each token" * kind.per_token
    try:
        if kind.per_token:
            offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(array).to_numpy())]).astype(np.int64)
            array = array.flatten()
        flat = array if kind.is_scalar else array.flatten()
        found = flat.to_numpy(zero_copy_only=False).astype(np.float64)
        return (found if kind.is_scalar else found.reshape(len(array), -1)), offsets
    except (AttributeError, ValueError, TypeError, pa.ArrowException) as error:
        raise MtlkdError(f"these are {column.type}", where=where, fix=fix) from error


def _logits(numbers: Numbers, task: Task, about: Mapping[str, Any], where: str) -> Numbers:
    if not np.isfinite(numbers).all():
        raise MtlkdError("not all of them are finite", where=where, fix="leave such a teacher out")
    if "scale" in about:  # of another train table, maybe
        numbers = (numbers * about["scale"] + about["center"] - task.center) / task.scale
    return numbers


def _labels(numbers: Numbers, task: Task, _about: Mapping[str, Any], where: str) -> Numbers:
    """Numbers in the unit of the task's labels."""
    if kind_of(task).confidence is not None:
        raise MtlkdError(f"labels of {task.name} are no numbers", where=where, fix="call the column logits")
    return (_logits(numbers, task, {}, where) - task.center) / task.scale


def _probabilities(numbers: Numbers, task: Task, _about: Mapping[str, Any], where: str) -> Numbers:
    """Raw outputs with these probabilities."""
    kind = kind_of(task)
    if kind.confidence is None:
        raise MtlkdError(f"{task.name} is {task.kind}: it has no probabilities", where=where, fix="give numbers")
    if not ((numbers >= 0) & (numbers <= 1)).all():
        raise MtlkdError("not all of them are in [0, 1]", where=where, fix="give probabilities, or call them logits")
    if not kind.is_exclusive:
        sure: Numbers = numbers.clip(_SURE, 1 - _SURE)
        return np.log(sure) - np.log1p(-sure)
    if numbers.shape[1] == task.outputs and (np.abs(numbers.sum(axis=1) - 1) > _OFF).any():
        raise MtlkdError("those of some row do not add up to 1", where=where, fix="give those of all classes")
    if not (numbers.max(axis=1) > 0).all():
        raise MtlkdError("those of some row are all 0", where=where, fix="give the likeliest classes of each row")
    with np.errstate(divide="ignore"):  # minus infinity where there is none, as in all soft labels
        logs: Numbers = np.log(numbers)
    return logs


_AS_OUTPUTS: Mapping[str, Callable[[Numbers, Task, Mapping[str, Any], str], Numbers]] = {
    "logits": _logits,
    "probabilities": _probabilities,
    "numbers": _labels,
}
"""What turns a column into raw outputs, by its name."""


def _spread(numbers: Numbers, places: NDArray[np.int64], task: Task, *, where: str) -> Numbers:
    """Numbers of some classes at their places among all: minus infinity elsewhere."""
    if not kind_of(task).is_exclusive:
        fix = "give numbers for all classes, and no column `classes`"
        raise MtlkdError(f"{task.name} is {task.kind}: of no class others follow", where=where, fix=fix)
    if places.shape != numbers.shape or places.min() < 0 or places.max() >= task.outputs:
        fix = f"give a place from 0 to {task.outputs - 1} for each number"
        raise MtlkdError("these do not say whose the numbers are", where=where, fix=fix)
    if not np.diff(np.sort(places, axis=1), axis=1).all():
        raise MtlkdError("a class stands twice in a row", where=where, fix="give each place once in a row")
    found = np.full((len(numbers), task.outputs), -np.inf)
    np.put_along_axis(found, places, numbers, axis=1)
    return found

"""What a kept model says of tables in memory: Arrow's, pandas', or of any library that speaks Arrow's C interface."""

import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all, without_repeats
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.predict.predictions import Answers, TableWarning, answer
from ray_mtlkd.setups.requests import TableRequest, composed

_WHERE = "the frame"


def requests_of(kept: KeptModel, tasks: Sequence[str]) -> dict[str, TableRequest]:
    """What each task reads of a table.

    Raises:
        MtlkdError: where the model has no such task.
    """
    found = {}
    for name in dict.fromkeys(tasks):
        task = kept.tasks[kept.index(name)]
        found[name] = TableRequest(tuple(kept.featurisers[name].rules), (task.group,) if task.group else ())
    return found


def predict_tables(
    kept: KeptModel, tables: Mapping[str, pa.Table], *, where: str, allow_unseen: float, probabilities: bool
) -> Answers:
    """The answers of several tasks side by side: see `predict_table`.

    Args:
        tables: What each task reads; all of as many rows.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    problems: list[MtlkdError] = []
    parts: list[Answers] = []
    for task, table in tables.items():
        with gather(problems):
            if not table.num_rows:
                raise MtlkdError("the table has no rows", where=where, fix="give at least one row")
            parts.append(answer(kept, task, table, where=where, allow_unseen=allow_unseen, probabilities=probabilities))
    raise_all(where, without_repeats(problems))
    said = pa.table({name: part.table[name] for part in parts for name in part.table.column_names})
    return Answers(said, tuple(dict.fromkeys(note for part in parts for note in part.notes)))


def tables_of(table: pa.Table, requests: Mapping[str, TableRequest], *, where: str) -> dict[str, pa.Table]:
    """What each task reads of one table.

    Raises:
        MtlkdError: the only column that is missing or stands twice; ExceptionGroup of them, where there are several.
    """
    found, problems = {}, list[MtlkdError]()
    for task, request in requests.items():
        with gather(problems):
            found[task] = request.taken(table, where=where)
    raise_all(where, without_repeats(problems))
    return found


def predict_frame(
    kept: KeptModel, frame: Any, *, tasks: str | Sequence[str] | None, allow_unseen: float, probabilities: bool
) -> Any:
    """See `KeptModel.predict`."""
    wanted = [task.name for task in kept.tasks] if tasks is None else [tasks] if isinstance(tasks, str) else tasks
    requests = requests_of(kept, wanted)
    pandas = sys.modules.get("pandas")
    is_pandas = pandas is not None and isinstance(frame, pandas.DataFrame)
    table = _from_pandas(frame, requests.values()) if is_pandas else _from_arrow(frame)
    tables = tables_of(table, requests, where=_WHERE)
    said = predict_tables(kept, tables, where=_WHERE, allow_unseen=allow_unseen, probabilities=probabilities)
    for note in said.notes:
        warnings.warn(note, TableWarning, stacklevel=3)
    return said.table.to_pandas().set_axis(frame.index) if is_pandas else said.table


def _from_pandas(frame: Any, requests: Any) -> pa.Table:
    """The columns that are read; others may hold what Arrow has no type for."""
    names = {composed(name) for request in requests for name in (*request.columns, *request.optional)}
    read = frame.loc[:, [composed(str(name)) in names for name in frame.columns]]
    try:
        return pa.Table.from_pandas(read, preserve_index=False)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        fix = "give each column one type"
        raise MtlkdError(f"a column has no type of Arrow's ({first_line(error)})", where=_WHERE, fix=fix) from error


def _from_arrow(frame: Any) -> pa.Table:
    try:
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        fix = "give a frame of pandas, polars or Arrow, or a mapping of columns"
        raise MtlkdError(f"is no table ({first_line(error)})", where=_WHERE, fix=fix) from error

"""What a kept model is asked in JSON, and what it answers: rows of a table as mappings of columns.

A cell is what Arrow makes of JSON: a text, a number, true or false, null, a list of these. It is read as that of a
table's file is, so that the answers are those of `ray_mtlkd.predict.frames`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, cast

import numpy as np
import pyarrow as pa
from annotated_types import MinLen
from pydantic import ValidationError
from pydantic_core import from_json

from ray_mtlkd.decode import adapter, document, join, misfits, unknown_name
from ray_mtlkd.errors import MtlkdError, first_line, gather, raise_all
from ray_mtlkd.predict.frames import predict_tables, requests_of, tables_of
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.predict.predictions import Answers
from ray_mtlkd.ranges import UnitInterval
from ray_mtlkd.setups.cells import said_rows
from ray_mtlkd.setups.columns import Sort
from ray_mtlkd.setups.requests import composed

_ROWS = "rows"
_ALL = "the request"

_CELLS: Mapping[Sort, Any] = {
    "text": {"type": "string"},
    "tokens": {"type": "array", "items": {"type": "string"}},
    "number": {"type": ["number", "string", "null"]},
    "category": {"type": ["string", "number", "boolean", "null"]},
    "vector": {"type": "array", "items": {"type": "number"}},
    "token_vectors": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
}
"""The cells of a column, as JSON Schema."""

_SORTS = {str: "texts", int: "numbers", float: "numbers", bool: "truth values", list: "lists", dict: "objects"}
"""What JSON has."""


@document
class Question:
    """Rows to predict.

    Attributes:
        rows: Columns that no task reads are left alone.
        tasks: None for all of the model's.
        probabilities: Whether every class has its probability too, where labels are no numbers.
        allow_unseen: Share of a column's categories that train need not have shown.
    """

    rows: Annotated[tuple[dict[str, Any], ...], MinLen(1)]
    tasks: Annotated[tuple[str, ...], MinLen(1)] | None = None
    probabilities: bool = False
    allow_unseen: UnitInterval = 0.5


def read_question(text: bytes) -> Question:
    """A question in JSON.

    Raises:
        MtlkdError: where it is none; ExceptionGroup of them, where several things are wrong with it.
    """
    kind = cast(Any, Question)  # mypy: a class is hashable
    try:
        found: Question = adapter(kind).validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if first["type"] == "json_invalid":
            raise MtlkdError(f"no JSON ({first['ctx']['error']})", where=_ALL, fix="give what /docs shows") from error
        problems = misfits(kind, from_json(text), error, where="")
        raise_all(_ALL, [MtlkdError(one.what, where=one.where or _ALL, fix=one.fix) for one in problems])
        raise
    return found


def answer_question(kept: KeptModel, question: Question) -> Answers:
    """What the model says of the rows, in their order.

    Raises:
        MtlkdError: where the model has no such task or a column does not fit; ExceptionGroup of them, where several do
            not.
    """
    names = [task.name for task in kept.tasks]
    asked = question.tasks or names
    unknown = ((at, name) for at, name in enumerate(asked) if name not in names)
    raise_all(_ALL, [unknown_name(name, names, what="task", where=join("tasks", at)) for at, name in unknown])
    requests = requests_of(kept, asked)
    read = {composed(name) for request in requests.values() for name in (*request.columns, *request.optional)}
    table = _table(question.rows, read=read)
    return predict_tables(
        kept,
        tables_of(table, requests, where=_ROWS),
        where=_ROWS,
        allow_unseen=question.allow_unseen,
        probabilities=question.probabilities,
    )


@dataclass(frozen=True)
class Exchange:
    """A question and its answers.

    Attributes:
        columns: What the answers of each of the model's tasks are.
    """

    question: Question
    answers: Answers
    columns: tuple[pa.Field, ...]


def example_of(kept: KeptModel) -> Exchange:
    """A row for all tasks of a model; for those that agree with the first, where tasks call other columns the same.

    Raises:
        MtlkdError: where the model cannot answer its own example.
    """
    row: dict[str, Any] = {}
    asked: list[str] = []
    columns: list[pa.Field] = []
    for task in kept.tasks:
        own = {**kept.featurisers[task.name].example, **({task.group: "a"} if task.group else {})}
        columns += answer_question(kept, Question(rows=(own,), tasks=(task.name,))).table.schema
        together = {**own, **row}
        problems: list[MtlkdError] = []
        with gather(problems):
            answer_question(kept, Question(rows=(together,), tasks=(task.name,)))
        if not problems:
            row = together
            asked.append(task.name)
    question = Question(rows=(row,), tasks=tuple(asked))
    return Exchange(question, answer_question(kept, question), tuple(columns))


def question_schema(kept: KeptModel, *, most_rows: int) -> dict[str, Any]:
    """A question as JSON Schema, with the model's own tasks and columns."""
    schema: dict[str, Any] = adapter(cast(Any, Question)).json_schema()
    sorts: dict[str, set[Sort]] = {}
    for known in kept.featurisers.values():
        for column, rule in known.rules.items():
            sorts.setdefault(column, set()).add(rule.sort)
    cells = {column: _CELLS[next(iter(those))] if len(those) == 1 else {} for column, those in sorts.items()}
    groups = {task.group: {"type": ["string", "integer"]} for task in kept.tasks if task.group}
    row = {"type": "object", "properties": {**groups, **cells}}
    schema["properties"][_ROWS] |= {"items": row, "maxItems": most_rows}
    tasks, nothing = schema["properties"]["tasks"]["anyOf"]
    schema["properties"]["tasks"]["anyOf"] = [tasks | {"items": {"enum": [task.name for task in kept.tasks]}}, nothing]
    return schema


def answer_schema(columns: Sequence[pa.Field]) -> dict[str, Any]:
    """A row of answers with these columns as JSON Schema; where fewer tasks are asked, it has fewer of them."""
    return {"type": "object", "properties": {column.name: _schema_of(column.type) for column in columns}}


def _schema_of(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_list(kind):
        return {"type": "array", "items": _schema_of(kind.value_type)}
    names = (
        (pa.types.is_boolean, "boolean"),
        (pa.types.is_integer, "integer"),
        (pa.types.is_floating, "number"),
        (pa.types.is_string, "string"),
    )
    return {"type": next(name for holds, name in names if holds(kind))}


def _table(rows: Sequence[Mapping[str, Any]], *, read: set[str]) -> pa.Table:
    """The rows with every column that any of them has; nothing stands in those that are not read.

    Raises:
        MtlkdError: for each column that is read where some rows lack it, or its cells are of several types.
    """
    problems: list[MtlkdError] = []
    found = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        found[name] = pa.nulls(len(rows))
        if composed(name) in read:
            with gather(problems):
                found[name] = _column(rows, name)
    raise_all(_ROWS, problems)
    return pa.table(found)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> pa.Array:
    where = f"{_ROWS}:{name}"
    lacking = np.array([name not in row for row in rows])
    if lacking.any():
        fix = "give it in every row; null is a missing value"
        raise MtlkdError(f"{said_rows(lacking)} do not have it, and others do", where=where, fix=fix)
    cells = [row[name] for row in rows]
    try:
        return pa.array(cells)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        sorts = sorted({_SORTS[type(cell)] for cell in cells if cell is not None})
        what = f"its cells are {' and '.join(sorts)}" if len(sorts) > 1 else f"its {sorts[0]} fit no type of Arrow's"
        raise MtlkdError(f"{what} ({first_line(error)})", where=where, fix="give it one type in all rows") from error

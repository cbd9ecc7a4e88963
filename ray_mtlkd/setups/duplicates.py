"""Texts that stand in two tables, letter by letter: between the splits of a task, and between tasks.

Of rows that have numbers beside their texts, all that they have counts.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.plain import whole
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask

PAIRS: tuple[tuple[Split, Split], ...] = (("valid", "train"), ("test", "train"), ("test", "valid"))
"""Rows of the first split are looked for in the second."""

_BETWEEN = pa.scalar("\x1f", pa.large_string())
"""Between the parts of a key: the unit separator, which no text has."""

_TEXTS = frozenset({"text", "pair", "tokens"})


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Rows of a task's test whose inputs stand in another task's train."""

    task: str
    other: str
    rows: int


def within(task: ValidatedTask) -> dict[tuple[Split, Split], int] | None:
    """Rows that stand in another split, by ``PAIRS``; None where the inputs are no texts."""
    if not _has_texts(task):
        return None
    counts = {split: _counts(task, split) for split in SPLITS}
    return {pair: _shared(counts[pair[0]], counts[pair[1]]) for pair in PAIRS}


def between(validated: ValidatedSetup) -> tuple[Duplicates, ...]:
    """Test rows that a model of several tasks sees while it trains; nothing where all tasks label the same rows."""
    if validated.manifest.shares_rows:
        return ()
    tasks = [task for task in validated.tasks if _has_texts(task)]
    train = {task.task.name: _counts(task, "train") for task in tasks}
    test = {task.task.name: _counts(task, "test") for task in tasks}
    found = [
        Duplicates(task=name, other=other, rows=_shared(rows, known))
        for name, rows in test.items()
        for other, known in train.items()
        if name != other
    ]
    return tuple(overlap for overlap in found if overlap.rows)


def said_seen(task: ValidatedTask) -> Iterator[str]:
    """What a reader should know of texts of valid and test that stand in the task's table without labels."""
    if task.unlabelled is None or not _has_texts(task):
        return
    for split in SPLITS[1:]:
        inputs = task.splits[split].inputs
        seen = pc.sum(pc.is_in(_keys(task, inputs), value_set=_keys(task, task.unlabelled))).as_py()
        if seen:
            place = f"its table without labels ({task.spec.unlabelled})"
            yield f"tasks.{task.task.name}: {seen} of {inputs.num_rows} rows of {split} stand in {place}"


def _has_texts(task: ValidatedTask) -> bool:
    return bool(_TEXTS & set(task.spec.forms))


def _keys(task: ValidatedTask, table: pa.Table) -> pa.Array:
    """A text that rows have in common where their inputs are the same."""
    columns = [whole(table[name]) for name in task.spec.input_columns]
    if len(task.spec.forms) > 1:
        rows = zip(*(column.to_pylist() for column in columns), strict=True)
        return pa.array([repr(row) for row in rows], pa.large_string())
    if task.spec.form == "tokens":
        return pc.binary_join(columns[0], _BETWEEN)
    return pc.binary_join_element_wise(*columns, _BETWEEN)


def _counts(task: ValidatedTask, split: Split) -> Counter[str]:
    """How often each input stands in the file, labelled or not."""
    columns = [task.splits[split].inputs[name].to_pylist() for name in task.spec.input_columns]
    if len(columns) == 1 and task.spec.forms == ("text",):
        return Counter(columns[0])
    return Counter(repr(row) for row in zip(*columns, strict=True))


def _shared(rows: Mapping[str, int], known: Mapping[str, int]) -> int:
    return sum(count for text, count in rows.items() if text in known)

"""Predictions of whole tables, and what they are worth."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.strategies.curricula.base import TaskFacts
from ray_mtlkd.tasks.examples import Examples, TaskTables
from ray_mtlkd.tasks.metrics import METRICS, evaluate, skill

BATCH_ROWS = 1024
"""Rows a prediction batch; fixed, so that predictions do not depend on who computes them."""


@torch.no_grad()
def predict(model: MultitaskModel, task: int, examples: Examples[Tensor], rows: Tensor) -> Tensor:
    """The raw outputs of a task's head for the given labelled rows: [N], [N, K] or [tokens, K].

    Args:
        model: Left in evaluation mode.
        task: Index of the task.
        examples: A whole table.
        rows: [N] int64, at least one.
    """
    model.eval()
    return torch.cat([model(task, examples.take(part)) for part in torch.split(rows, BATCH_ROWS)])


def predict_all(model: MultitaskModel, task: int, examples: Examples[Tensor]) -> Tensor:
    """The raw outputs for every row of a table."""
    return predict(model, task, examples, torch.arange(len(examples), device=examples.row_ids.device))


def metric_of(model: MultitaskModel, task: int, tables: TaskTables[Tensor], examples: Examples[Tensor]) -> float:
    """The task's metric on one of its tables, in its own unit."""
    outputs = predict_all(model, task, examples)
    offsets = examples.offsets
    return evaluate(
        tables.task,
        outputs.cpu().numpy(),
        examples.labels.cpu().numpy(),
        None if offsets is None else offsets.cpu().numpy(),
    )


def score(values: Sequence[float], tables: Sequence[TaskTables[Tensor]]) -> float:
    """Mean skill over tasks of validation metrics [T]."""
    skills = [
        skill(value, table.trivial_valid, METRICS[table.task.metric].perfect)
        for value, table in zip(values, tables, strict=True)
    ]
    return sum(skills) / len(skills)


def facts(table: TaskTables[Any]) -> TaskFacts:
    """What a curriculum may know of a task before training."""
    perfect = METRICS[table.task.metric].perfect
    largest = max(abs(perfect), abs(table.trivial_valid))
    difficulty = abs(perfect - table.trivial_valid) / largest if largest > 0 else 0.0
    return TaskFacts(name=table.task.name, rows=len(table.train), difficulty=difficulty)

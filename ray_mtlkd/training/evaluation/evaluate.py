"""Predictions of whole tables, and what they are worth."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ray_mtlkd.data.device import send
from ray_mtlkd.data.examples import Examples, SetupTables, Split, TaskTables
from ray_mtlkd.data.inputs import neighbours, take
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.strategies.curricula.base import TaskFacts
from ray_mtlkd.tasks.metrics import evaluate, metric_of, skill
from ray_mtlkd.tasks.task import Task

BATCH_ROWS = 1024
"""Rows a prediction batch; fixed, so that predictions do not depend on who computes them."""


@torch.no_grad()
def predict(model: MultitaskModel, task: int, examples: Examples[Tensor], rows: range) -> Tensor:
    """The raw outputs of a task's head for the given labelled rows: [N], [N, K] or [tokens, K].

    Args:
        model: Left in evaluation mode.
        task: Index of the task.
        examples: A whole table.
        rows: Of the labelled ones: one after the other, at least one.
    """
    model.eval()
    chunks = torch.split(examples.row_ids[rows.start : rows.stop], BATCH_ROWS)
    found = _Joined(len(chunks))
    for chunk in chunks:
        found.add(model(task, take(examples.inputs, neighbours(chunk))))
    return found.tensor()


def predict_all(model: MultitaskModel, task: int, examples: Examples[Tensor]) -> Tensor:
    """The raw outputs for every row of a table."""
    return predict(model, task, examples, range(len(examples)))


def metrics_of(
    model: MultitaskModel, tables: SetupTables[Tensor], split: Split, tasks: Sequence[int]
) -> tuple[float, ...]:
    """The metrics of the given tasks on one of their tables [A], each in its own unit."""
    return tuple(
        measure(tables.tasks[task].task, found, getattr(tables.tasks[task], split))
        for task, found in zip(tasks, outputs_of(model, tables, split, tasks), strict=True)
    )


def outputs_of(
    model: MultitaskModel, tables: SetupTables[Tensor], split: Split, tasks: Sequence[int]
) -> Sequence[Tensor]:
    """The raw outputs of the given tasks for the labelled rows of one of their tables: [N], [N, K] or [tokens, K]."""
    parts = [getattr(tables.tasks[task], split) for task in tasks]
    if tables.shares_rows and len(tasks) > 1:
        return _predict_together(model, parts, tasks)
    return [predict_all(model, task, examples) for task, examples in zip(tasks, parts, strict=True)]


@torch.no_grad()
def _predict_together(model: MultitaskModel, parts: Sequence[Examples[Tensor]], tasks: Sequence[int]) -> list[Tensor]:
    """Raw outputs for the labelled rows of each task, where all tasks label the same rows."""
    model.eval()
    rows = torch.unique(torch.cat([examples.row_ids for examples in parts]))
    labelled = rows.new_zeros(len(parts), int(rows[-1]) + 1, dtype=torch.bool)
    for mask, examples in zip(labelled, parts, strict=True):
        mask[examples.row_ids] = True
    chunks = torch.split(rows, BATCH_ROWS)
    found = [_Joined(len(chunks)) for _ in tasks]
    for chunk in chunks:
        inputs = take(parts[0].inputs, neighbours(chunk))
        for at, outputs in enumerate(model.outputs(inputs, tasks)):
            kept = labelled[at, chunk].nonzero().squeeze(1)
            found[at].add(outputs[send(parts[at].outputs(chunk, kept), outputs.device)])
    return [joined.tensor() for joined in found]


class _Joined:
    """The outputs of batches, one after the other in one tensor.

    Kept apart until the end they would lie between the activations of the batches after them, whose memory could then
    not be used again: a thread that predicts for the first time would touch new pages for every batch.

    Args:
        batches: About so many will come.
    """

    def __init__(self, batches: int) -> None:
        self._batches = batches
        self._whole: Tensor | None = None
        self._filled = 0

    def add(self, outputs: Tensor) -> None:
        """Copy a batch's outputs behind those of the batches before it."""
        stop = self._filled + len(outputs)
        if self._whole is None:
            self._whole = outputs.new_empty((stop * self._batches, *outputs.shape[1:]))
        elif stop > len(self._whole):  # of tokens, batches have more and fewer
            self._whole.resize_((2 * stop, *outputs.shape[1:]))
        self._whole[self._filled : stop] = outputs
        self._filled = stop

    def tensor(self) -> Tensor:
        """All outputs."""
        if self._whole is None:
            raise ValueError("no batch was predicted")
        return self._whole[: self._filled]


def measure(task: Task, outputs: Tensor, examples: Examples[Tensor]) -> float:
    """The task's metric of raw outputs for the labelled rows of a table."""
    offsets = None if examples.label_offsets is None else examples.label_offsets.cpu().numpy()
    return evaluate(task, outputs.cpu().numpy(), examples.labels.cpu().numpy(), offsets)


def score(values: Sequence[float], tables: Sequence[TaskTables[Tensor]]) -> float:
    """Mean skill over tasks of validation metrics [T], by their weights."""
    skills = [skill_of(value, table) for value, table in zip(values, tables, strict=True)]
    return weighted_mean(skills, [table.task.weight for table in tables])


def skill_of(value: float, table: TaskTables[Any]) -> float:
    """Skill of one task's validation metric."""
    return skill(value, table.trivial_valid, metric_of(table.task).perfect)


def weighted_mean(values: Sequence[float], weights: Sequence[float]) -> float:
    """By the weights; all alike where none of them counts."""
    counts = weights if any(weights) else [1.0] * len(weights)
    return sum(weight * value for weight, value in zip(counts, values, strict=True)) / sum(counts)


def facts(table: TaskTables[Any]) -> TaskFacts:
    """What a curriculum may know of a task before training."""
    perfect = metric_of(table.task).perfect
    largest = max(abs(perfect), abs(table.trivial_valid))
    difficulty = abs(perfect - table.trivial_valid) / largest if largest > 0 else 0.0
    return TaskFacts(name=table.task.name, rows=len(table.train), difficulty=difficulty, taught=table.given is not None)

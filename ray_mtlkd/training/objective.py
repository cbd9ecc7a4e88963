"""From a batch to the losses of the tasks that learn from it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ray_mtlkd.models.build import MultitaskModel
from ray_mtlkd.tasks import kinds
from ray_mtlkd.tasks.examples import TaskTables
from ray_mtlkd.training.feed import Batch, Target
from ray_mtlkd.training.settings import Configuration


class Objective:
    """The forward pass in two parts, so that per-task gradients can be taken in between.

    Args:
        model: In training mode.
        tables: Labels of the model's tasks [T].
        configuration: Label smoothing, precision and distillation.
    """

    def __init__(
        self, model: MultitaskModel, tables: Sequence[TaskTables[Tensor]], configuration: Configuration
    ) -> None:
        self._model = model
        self._tables = tables
        self._settings = configuration.training
        self._kd = configuration.kd

    def represent(self, batch: Batch) -> Sequence[tuple[Tensor, ...]]:
        """What the head of each of the batch's tasks reads [A]."""
        with self._mixed(batch):
            return self._model.represent(batch.inputs, [target.task for target in batch.targets])

    def losses(
        self, batch: Batch, representations: Sequence[tuple[Tensor, ...]], soft: Mapping[int, Tensor]
    ) -> list[Tensor]:
        """Loss of each of the batch's tasks [A], times the share of the task's labels that this batch holds.

        Args:
            batch: As `represent` read it.
            representations: What it gave, or leaves of the same values.
            soft: Soft labels by task, aligned with its train labels; others learn from their hard labels.
        """
        with self._mixed(batch):
            tasks = [target.task for target in batch.targets]
            outputs = self._model.read_all(tasks, representations, batch.inputs)
        return [
            self._loss(target, found.float(), soft.get(target.task))
            for target, found in zip(batch.targets, outputs, strict=True)
        ]

    def _loss(self, target: Target, outputs: Tensor, soft: Tensor | None) -> Tensor:
        table = self._tables[target.task]
        labelled = outputs if target.outputs is None else outputs[target.outputs]
        if soft is None:
            labels, smoothing = table.train.labels[target.labels], self._settings.label_smoothing
            return kinds.loss(table.task, labelled, labels, smoothing=smoothing, weight=target.share)
        taught, weight = soft[target.labels], target.share * self._kd.kd_weight
        return kinds.distill(table.task, labelled, taught, temperature=self._kd.temperature, weight=weight)

    def _mixed(self, batch: Batch) -> AbstractContextManager[object]:
        if self._settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(batch.targets[0].labels.device.type, torch.bfloat16)

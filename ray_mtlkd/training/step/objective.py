"""From a batch to the losses of the tasks that learn from it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from ray_mtlkd.data.examples import TaskTables
from ray_mtlkd.models.sharing import MultitaskModel, SplitModel, split
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.state.soft_labels import SoftTarget
from ray_mtlkd.training.step.feed import Batch, BatchTarget
from ray_mtlkd.training.step.losses import distillations, losses


class Objective:
    """The forward pass, in two parts where the model allows it: per-task gradients can then be taken in between.

    Args:
        model: In training mode.
        tables: Labels of the model's tasks [T].
        configuration: Label smoothing, precision and distillation.
    """

    def __init__(
        self, model: MultitaskModel, tables: Sequence[TaskTables[Tensor]], configuration: Configuration
    ) -> None:
        self._model = model
        self._parts = split(model)
        self._tables = tables
        self._settings = configuration.training
        self._kd = configuration.kd

    @property
    def is_split(self) -> bool:
        """Whether the forward pass has two parts, `represent` and `read`."""
        return self._parts is not None

    def outputs(self, batch: Batch) -> list[Tensor]:
        """What the model makes of a batch for each of its tasks, where there are labels [A]."""
        if self._parts is not None:
            return self.read(batch, self.represent(batch))
        with self._mixed(batch):
            found = self._model.outputs(batch.inputs, [target.task for target in batch.targets])
        return _labelled(batch, found)

    def represent(self, batch: Batch) -> Sequence[tuple[Tensor, ...]]:
        """What the head of each of the batch's tasks reads [A]."""
        with self._mixed(batch):
            return self._split().represent(batch.inputs, [target.task for target in batch.targets])

    def read(self, batch: Batch, representations: Sequence[tuple[Tensor, ...]]) -> list[Tensor]:
        """What the heads of the batch's tasks make of it, where there are labels [A].

        Args:
            batch: As `represent` read it.
            representations: What it gave, or leaves of the same values.
        """
        with self._mixed(batch):
            tasks = [target.task for target in batch.targets]
            found = self._split().read_all(tasks, representations, batch.inputs)
        return _labelled(batch, found)

    def losses(
        self, targets: Sequence[BatchTarget], outputs: Sequence[Tensor], soft: Mapping[int, SoftTarget]
    ) -> Tensor:
        """Loss of each target [A], times the share of the task's labels that it holds.

        Args:
            targets: Of one batch, or of several.
            outputs: What `outputs` gave for each.
            soft: What tasks that distil learn from, by task; others learn from their hard labels.
        """
        hard = [at for at, target in enumerate(targets) if target.task not in soft]
        taught = [at for at, target in enumerate(targets) if target.task in soft]
        parts = []
        if hard:
            parts.append(self._learn([targets[at] for at in hard], [outputs[at] for at in hard], {}))
        if taught:
            parts.append(self._recall([targets[at] for at in taught], [outputs[at] for at in taught], soft))
        if len(parts) == 1:
            return parts[0]
        by_place = dict(zip((*hard, *taught), torch.cat(parts), strict=True))
        return torch.stack([by_place[at] for at in range(len(targets))])

    def _learn(
        self, targets: Sequence[BatchTarget], outputs: Sequence[Tensor], soft: Mapping[int, SoftTarget]
    ) -> Tensor:
        """The loss on labels; of tasks that distil, their labels' part."""
        parts = [soft[target.task].labels if target.task in soft else 1.0 for target in targets]
        tables = [self._tables[target.task] for target in targets]
        return losses(
            [table.task for table in tables],
            outputs,
            [table.train.labels.index_select(0, target.labels) for table, target in zip(tables, targets, strict=True)],
            groups=[target.groups for target in targets],
            counts=self._counts(targets),
            smoothing=self._settings.label_smoothing,
            weights=[target.share * part for target, part in zip(targets, parts, strict=True)],
        )

    def _recall(
        self, targets: Sequence[BatchTarget], outputs: Sequence[Tensor], soft: Mapping[int, SoftTarget]
    ) -> Tensor:
        """The distillation loss, and the labels' part where they keep one."""
        recalled = distillations(
            [self._tables[target.task].task for target in targets],
            outputs,
            [soft[target.task].table.take(target.labels) for target in targets],
            groups=[target.groups for target in targets],
            counts=self._counts(targets),
            temperature=self._kd.temperature,
            weights=[target.share * soft[target.task].teacher for target in targets],
        )
        if not any(soft[target.task].labels for target in targets):
            return recalled
        return recalled + self._learn(targets, outputs, soft)

    def _counts(self, targets: Sequence[BatchTarget]) -> list[Tensor | None]:
        """What each label counts, of the tasks where they do not count alike [A]."""
        known = [self._tables[target.task].train.weights for target in targets]
        return [
            None if weights is None else _weights_at(weights, target.labels)
            for weights, target in zip(known, targets, strict=True)
        ]

    def _split(self) -> SplitModel:
        if self._parts is None:
            raise RuntimeError("the forward pass of this model is one")
        return self._parts

    def _mixed(self, batch: Batch) -> AbstractContextManager[object]:
        if self._settings.precision == "fp32":
            return nullcontext()
        return torch.autocast(batch.targets[0].labels.device.type, torch.bfloat16)


def _weights_at(weights: Tensor, places: Tensor) -> Tensor:
    """Those of labels at such places; 1, the mean, of rows beyond all labels, which have only a teacher's."""
    found = weights.index_select(0, places.clamp(max=len(weights) - 1))
    return found.where(places < len(weights), 1.0)


def _labelled(batch: Batch, outputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs that have labels, in single precision."""
    return [
        (found if target.outputs is None else found[target.outputs]).float()
        for target, found in zip(batch.targets, outputs, strict=True)
    ]

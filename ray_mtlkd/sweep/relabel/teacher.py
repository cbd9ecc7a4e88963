"""A model that labels the rows of a task in another process than the trial's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ray
import torch
from torch import Tensor

from ray_mtlkd.data.device import choose_device, keep_memory
from ray_mtlkd.data.examples import Examples, SetupTables, as_tensors
from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Array, take
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.encoders.pretrained import fill
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation.evaluate import predict
from ray_mtlkd.training.settings import DistilledRows
from ray_mtlkd.training.transfer import transfer_set


@dataclass(frozen=True, kw_only=True)
class TeacherMessage:
    """A model on its way to another process.

    Attributes:
        tasks: What the model was built for.
        index: The task that it relabels.
        among: Tasks in whose train tables its rows are; none: in its own.
        parameters: Its state dict.
    """

    architecture: Architecture
    tasks: tuple[tuple[Task, Layout], ...]
    index: int
    among: tuple[str, ...] = ()
    parameters: Mapping[str, Array]

    @property
    def task(self) -> str:
        """Name of the task that it relabels."""
        return self.tasks[self.index][0].name


class Predictor:
    """A teacher and the rows that it labels, ready to predict."""

    def __init__(self, teacher: TeacherMessage, tables: SetupTables[Array], *, device: str) -> None:
        torch.set_num_threads(1)
        keep_memory()
        self._index = teacher.index
        self._model = build(teacher.architecture, teacher.tasks)
        views = as_tensors(tables)
        pretrained = views.tasks[0].pretrained
        if pretrained is not None:
            fill(self._model, pretrained)
        # a copy, since arrays from the object store are read-only and a module's parameters are not
        self._model.load_state_dict({key: torch.tensor(array) for key, array in teacher.parameters.items()})
        self._model.to(device)
        self._examples = _asked(teacher, views, device=device)
        self.nbytes = sum(array.nbytes for array in teacher.parameters.values())

    def predict(self, rows: range) -> Array:
        """Raw outputs for the given rows."""
        outputs: Array = predict(self._model, self._index, self._examples, rows).cpu().numpy()
        return outputs


def _asked(teacher: TeacherMessage, tables: SetupTables[Tensor], *, device: str) -> Examples[Tensor]:
    """The rows that it labels, on its device."""
    by_name = {table.task.name: table for table in tables.tasks}
    among = teacher.among or (teacher.task,)
    read, task = tuple(by_name[name] for name in among), among.index(teacher.task)
    rows: DistilledRows = "all" if teacher.among else "own"
    asked = transfer_set(replace(tables, tasks=read), task, rows).examples
    if device == "cpu":
        return asked
    # what is copied is copied without the other tasks' rows before and behind
    first, last = int(asked.row_ids.min()), int(asked.row_ids.max())
    inputs = take(asked.inputs, slice(first, last + 1))
    own = replace(read[task], pretrained=None, train=replace(asked, inputs=inputs, row_ids=asked.row_ids - first))
    return as_tensors(replace(tables, tasks=(own,)), device).tasks[0].train


def fetch(references: Mapping[str, Any], *, gpus: float) -> Predictor:
    """A teacher that another process has sent, ready to predict where this one computes.

    Args:
        references: To the teacher and to its tables.
        gpus: What Ray has given this process.

    Raises:
        MtlkdError: where PyTorch cannot use the GPU.
    """
    device = choose_device(gpus)
    return Predictor(ray.get(references["teacher"]), ray.get(references["tables"]), device=device)

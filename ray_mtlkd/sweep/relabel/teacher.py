"""A model that predicts its train table in another process than the trial's."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ray
import torch

from ray_mtlkd.data.device import choose_device, keep_memory
from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.data.inputs import Array, Layout
from ray_mtlkd.models.architecture import Architecture, build
from ray_mtlkd.models.pretrained import fill
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.evaluation.evaluate import predict


@dataclass(frozen=True, kw_only=True)
class TeacherMessage:
    """A model on its way to another process.

    Attributes:
        tasks: What the model was built for.
        index: The task that it relabels.
        parameters: Its state dict.
    """

    architecture: Architecture
    tasks: tuple[tuple[Task, Layout], ...]
    index: int
    parameters: Mapping[str, Array]

    @property
    def task(self) -> str:
        """Name of the task that it relabels."""
        return self.tasks[self.index][0].name


class Predictor:
    """A teacher and its train table, ready to predict."""

    def __init__(self, teacher: TeacherMessage, tables: SetupTables[Array], *, device: str) -> None:
        torch.set_num_threads(1)
        keep_memory()
        self._index = teacher.index
        self._model = build(teacher.architecture, teacher.tasks)
        (own,) = [table for table in tables.tasks if table.task.name == teacher.task]
        (table,) = as_tensors(replace(tables, tasks=(own,)), device).tasks
        if table.pretrained is not None:
            fill(self._model, table.pretrained)
        # a copy, since arrays from the object store are read-only and a module's parameters are not
        self._model.load_state_dict({key: torch.tensor(array) for key, array in teacher.parameters.items()})
        self._model.to(device)
        self._examples = table.train
        self.nbytes = sum(array.nbytes for array in teacher.parameters.values())

    def predict(self, rows: range) -> Array:
        """Raw outputs for the given rows."""
        outputs: Array = predict(self._model, self._index, self._examples, rows).cpu().numpy()
        return outputs


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

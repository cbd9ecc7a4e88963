"""The weights of the tasks' heads, side by side: what penalties between tasks are about."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn

from ray_mtlkd.models.sharing.base import MultitaskModel


@dataclass(frozen=True)
class TaskMatrix:
    """Weights of one shape that some tasks have of their own where they end.

    Attributes:
        tasks: Whose [A], ascending.
        weights: Of each [A], of one shape.
    """

    tasks: tuple[int, ...]
    weights: tuple[Tensor, ...]

    @property
    def rows(self) -> Tensor:
        """W [A, P]."""
        return torch.stack([weight.flatten() for weight in self.weights])


def task_matrices(model: MultitaskModel) -> list[TaskMatrix]:
    """The weights of heads, those of one shape together: of numbers and of yes or no, with one output each, and of as
    many classes. Biases are left out; so are heads that no other task's is like.
    """  # noqa: D205 - the summary needs two lines
    alike = defaultdict[torch.Size, dict[int, Tensor]](dict)
    for task in range(model.num_tasks):
        for weight in head_weights(model, task):
            alike[weight.shape][task] = weight
    return [TaskMatrix(tuple(found), tuple(found.values())) for found in alike.values() if len(found) > 1]


def head_weights(model: MultitaskModel, task: int) -> list[nn.Parameter]:
    """The dense weight matrices that the task's outputs come from and that are its own."""
    own = {id(p) for p in model.own(task)}
    return [p for module in model.uses(task)[-1] for p in module.parameters() if id(p) in own and p.ndim > 1]


def by_inputs(model: MultitaskModel) -> list[list[nn.Parameter]]:
    """The weights of all heads [outputs, inputs], those of as many inputs together."""
    alike = defaultdict[int, list[nn.Parameter]](list)
    for task in range(model.num_tasks):
        for weight in head_weights(model, task):
            alike[weight.shape[1]].append(weight)
    return list(alike.values())


def total(parts: list[Tensor]) -> Tensor | None:
    """Their sum; None where there are none."""
    return list(accumulate(parts))[-1] if parts else None

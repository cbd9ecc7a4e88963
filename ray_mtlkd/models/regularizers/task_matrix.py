"""The weights of the tasks' heads, side by side: what penalties between tasks are about."""

from collections import defaultdict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ray_mtlkd.models.sharing.base import MultitaskModel

_KNOWN: WeakKeyDictionary[MultitaskModel, list[list[nn.Parameter]]] = WeakKeyDictionary()


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
    many classes; and of the same sorts of inputs. Biases are left out; so are heads that no other task's is like.
    """  # noqa: D205 - the summary needs two lines
    alike = defaultdict[tuple[torch.Size, tuple[str, ...]], dict[int, Tensor]](dict)
    for task, weights in enumerate(_of_heads(model)):
        for weight in weights:
            alike[weight.shape, model.sorts(task)][task] = weight
    return [TaskMatrix(tuple(found), tuple(found.values())) for found in alike.values() if len(found) > 1]


def head_weights(model: MultitaskModel, task: int) -> list[nn.Parameter]:
    """The dense weight matrices that the task's outputs come from and that are its own."""
    own = {id(p) for p in model.own(task)}
    return [p for module in model.uses(task)[-1] for p in module.parameters() if id(p) in own and p.ndim > 1]


def _of_heads(model: MultitaskModel) -> list[list[nn.Parameter]]:
    """`head_weights` of each task [T], looked up once: every step asks, and finding what is a task's own takes long."""
    if model not in _KNOWN:
        _KNOWN[model] = [head_weights(model, task) for task in range(model.num_tasks)]
    return _KNOWN[model]


def by_inputs(model: MultitaskModel) -> list[list[nn.Parameter]]:
    """The weights of all heads [outputs, inputs], those of as many inputs of the same sorts together."""
    alike = defaultdict[tuple[int, tuple[str, ...]], list[nn.Parameter]](list)
    for task, weights in enumerate(_of_heads(model)):
        for weight in weights:
            alike[weight.shape[1], model.sorts(task)].append(weight)
    return list(alike.values())

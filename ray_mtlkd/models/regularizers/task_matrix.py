"""The weights of the tasks' heads, side by side: what penalties between tasks are about."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ray_mtlkd.models.sharing.base import MultitaskModel

_KNOWN: WeakKeyDictionary[MultitaskModel, list[list[nn.Parameter]]] = WeakKeyDictionary()


@dataclass(frozen=True)
class TaskMatrix:
    """Weights of one shape where some tasks end, and no others.

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


def _of_heads(model: MultitaskModel) -> list[list[nn.Parameter]]:
    """The weight matrices that each task's outputs come from, and no other's [T]; of a model that shares no last stage,
    those of all heads, also of heads whose outputs other tasks read.

    Looked up once: every step asks, and to find what tasks use takes long.
    """  # noqa: D205 - the summary needs two lines
    if model not in _KNOWN:
        ends = [
            {id(p): p for module in model.uses(task)[-1] for p in module.parameters() if p.ndim > 1}
            for task in range(model.num_tasks)
        ]
        tasks = Counter(key for end in ends for key in end)
        _KNOWN[model] = [[p for key, p in end.items() if tasks[key] == 1] for end in ends]
    return _KNOWN[model]


def by_inputs(model: MultitaskModel) -> list[list[nn.Parameter]]:
    """The weights of all heads [outputs, inputs], those of as many inputs of the same sorts together."""
    alike = defaultdict[tuple[int, tuple[str, ...]], list[nn.Parameter]](list)
    for task, weights in enumerate(_of_heads(model)):
        for weight in weights:
            alike[weight.shape[1], model.sorts(task)].append(weight)
    return list(alike.values())

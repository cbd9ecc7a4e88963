"""AdamW for dense parameters and its lazy counterpart for hash tables, behind one handle."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from ray_mtlkd.models.sharing import MultitaskModel, sparse_tables
from ray_mtlkd.torch_private import scale_each
from ray_mtlkd.training.optimizer.adamw import AdamW
from ray_mtlkd.training.optimizer.lazy_adam import LazyAdam
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.sparse import total


class Optimizer:
    """AdamW over dense parameters; lazy Adam over hash tables, whose cost does not grow with the table.

    A parameter without gradient (the head of a task that took no batch) stays as it is, and so does its state.

    Attributes:
        dense: Parameters with dense gradients, of those that are trained.
    """

    def __init__(self, model: MultitaskModel, settings: Optimization) -> None:
        self._tables: list[Tensor] = [table for table in sparse_tables(model).values() if table.requires_grad]
        sparse = {id(p) for p in self._tables}
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self.dense = [p for p in self._parameters if id(p) not in sparse]
        self._parts: dict[str, AdamW | LazyAdam] = {
            "dense": AdamW(self.dense, weight_decay=settings.weight_decay, factors=model.rates()),
            "sparse": LazyAdam(self._tables),
        }
        self._aside: list[list[Tensor]] = [[] for _ in self._tables]
        self._settings = settings

    def put_aside(self) -> None:
        """Keep hash tables' gradients of this backward pass apart from those of the next one, until the step.

        Autograd would copy the sum so far with each pass; the step sorts all rows and adds them up once.
        """
        for table, aside in zip(self._tables, self._aside, strict=True):
            if table.grad is not None:
                aside.append(table.grad)
                table.grad = None

    def step(self, share: float, *, fall: float = 1.0) -> float:
        """Apply the gradients and drop them; returns the learning rate.

        Args:
            share: Of the budget, that is spent after this step.
            fall: What the cool-down leaves of the learning rate, in [0, 1].
        """
        self.put_aside()
        for table, aside in zip(self._tables, self._aside, strict=True):
            if aside:
                table.grad = total(aside)
                aside.clear()
        if self._settings.clip_norm is not None:
            clip(self._parameters, self._settings.clip_norm)
        lr = fall * self._settings.rate(share)
        for part in self._parts.values():
            part.step(lr)
        return lr

    def tensors(self) -> dict[str, Tensor]:
        """The state, copied: ``{"dense.3.mean": ...}``."""
        return {f"{name}.{key}": value for name, part in self._parts.items() for key, value in part.tensors().items()}

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        for name, part in self._parts.items():
            prefix = f"{name}."
            part.load({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)})


def clip(parameters: Iterable[Tensor], largest: float) -> None:
    """Scale all gradients so that their common norm is at most ``largest`` (Pascanu et al. 2013, arXiv:1211.5063)."""
    gradients = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()  # a row's parts must be added up before they are squared
            gradients.append(parameter.grad.values())
        elif parameter.grad is not None:
            gradients.append(parameter.grad)
    scale = (largest / (torch.nn.utils.get_total_norm(gradients) + 1e-6)).clamp(max=1.0)
    scale_each(gradients, scale)

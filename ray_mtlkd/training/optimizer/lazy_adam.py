"""Adam for tables of which a step touches some rows: the others, and their moments, stay as they are.

Kingma and Ba 2015 (arXiv:1412.6980), algorithm 1, in the lazy variant of `torch.optim.SparseAdam`, on the rows with a
gradient g in step t, at a learning rate r:

    m = β1 m + (1 - β1) g,    v = β2 v + (1 - β2) g²
    θ -= r √(1 - β2^t) / (1 - β1^t) · m / (√v + ε)

SparseAdam looks its rows up anew for every term. Here a few rows at a time are read, go through torch's fused kernel
and are written back, all of it in the cache. That kernel divides √v by √(1 - β2^t) first, so ε is divided likewise.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ray_mtlkd.models.rows import put, sums, zeros
from ray_mtlkd.torch_private import adam

_BETAS = (0.9, 0.999)
_EPSILON = 1e-8
_CACHED = 2**16
"""Numbers of a few rows on a CPU: with gradient and moments they take a MiB."""


class LazyAdam:
    """`torch.optim.SparseAdam` with its default constants, and with its state.

    What a step costs, in time and memory, depends on the rows that have a gradient alone. A table without gradient
    stays as it is, and so does its state.

    Args:
        tables: With coalesced sparse gradients, on the device where they stay.
    """

    def __init__(self, tables: Sequence[Tensor]) -> None:
        self._tables = tuple(tables)
        self._steps = [0] * len(self._tables)
        self._means, self._squares = ([zeros(*table.shape).to(table) for table in self._tables] for _ in _BETAS)

    @torch.no_grad()
    def step(self, lr: float) -> None:
        """Apply the gradients and drop them."""
        for at, table in enumerate(self._tables):
            if table.grad is not None:
                self._steps[at] += 1
                _update([table, self._means[at], self._squares[at]], table.grad, step=self._steps[at], lr=lr)
                table.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The state, copied: ``{"steps": [n], "0.mean": ..., "0.square": ...}``."""
        return {
            "steps": torch.tensor(self._steps),
            **{f"{at}.mean": mean.clone() for at, mean in enumerate(self._means)},
            **{f"{at}.square": square.clone() for at, square in enumerate(self._squares)},
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what `tensors` gave."""
        self._steps = tensors["steps"].tolist()
        for at, (mean, square) in enumerate(zip(self._means, self._squares, strict=True)):
            mean.copy_(tensors[f"{at}.mean"])
            square.copy_(tensors[f"{at}.square"])


def _update(state: Sequence[Tensor], gradient: Tensor, *, step: int, lr: float) -> None:
    """Change the rows of parameter, first and second moment that have a gradient."""
    rows, values = gradient.indices()[0], gradient.values()
    size = max(1, _CACHED // values.shape[1]) if values.device.type == "cpu" else max(1, len(rows))
    count = torch.full((), step, dtype=torch.float32, device=values.device)
    bags = torch.arange(size + 1, device=rows.device)
    for at, part in zip(torch.split(rows, size), torch.split(values, size), strict=True):
        read = [sums(table, at, bags[: len(at) + 1]) for table in state]
        parameter, mean, square = read
        adam(
            [parameter],
            [part],
            means=[mean],
            squares=[square],
            steps=[count],
            lr=lr,
            betas=_BETAS,
            epsilon=_EPSILON / math.sqrt(1.0 - _BETAS[1] ** step),
        )
        for table, changed in zip(state, read, strict=True):
            put(table, at, changed)

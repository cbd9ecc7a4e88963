"""Per-task gradients of shared hash tables: only the rows that a step touched are ever held.

Tasks touch rows of their own, so their gradients are brought onto common rows before they are compared and summed.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor


class SparseGradients:
    """The gradients of T tasks over shared parameters with sparse gradients; without such, nothing.

    Args:
        parameters: The hash tables.
        last: Identities of the parameters of the last shared layer.
    """

    def __init__(self, parameters: Sequence[Tensor], *, last: Collection[int]) -> None:
        self.parameters = tuple(parameters)
        self._is_last = [id(p) in last for p in self.parameters]
        self._parts: dict[int, list[list[Tensor]]] = {}
        self._touched: list[tuple[Tensor, Tensor]] = []

    def begin(self, tasks: Sequence[int]) -> None:
        """Forget the last step."""
        for task in tasks:
            self._parts[task] = [[] for _ in self.parameters]

    def keep(self, task: int, gradients: Sequence[Tensor | None]) -> None:
        """Add to the task's gradients by each of the parameters; None where a batch does not use one."""
        for kept, gradient in zip(self._parts[task], gradients, strict=True):
            if gradient is not None:
                kept.append(gradient)

    def gather(self, tasks: Sequence[int]) -> None:
        """Bring the gradients of the step's tasks onto their common rows."""
        self._touched = [
            _compact([self._parts[task][at] for task in tasks], parameter)
            for at, parameter in enumerate(self.parameters)
        ]

    def add_gram(self, gram: Tensor) -> Tensor:
        """``gram`` [A, A] plus the inner products of the tasks' gradients; after `gather`."""
        for _, touched in self._touched:
            flat = touched.flatten(1)
            gram = gram + flat @ flat.T
        return gram

    def add_squares(self, squares: Tensor) -> Tensor:
        """``squares`` [A] plus the tasks' squared gradients at the last shared layer; after `gather`."""
        for is_last, (_, touched) in zip(self._is_last, self._touched, strict=True):
            if is_last:
                squares = squares + touched.square().sum((1, 2))
        return squares

    def combine(self, weights: Tensor) -> None:
        """Set ``.grad`` of the parameters to the tasks' gradients weighted by ``weights`` [A]; after `gather`."""
        for parameter, (rows, touched) in zip(self.parameters, self._touched, strict=True):
            values = torch.tensordot(weights, touched, dims=1)
            parameter.grad = torch.sparse_coo_tensor(
                rows[None], values, parameter.shape, is_coalesced=True, check_invariants=False
            )


def _compact(gradients: Sequence[Sequence[Tensor]], parameter: Tensor) -> tuple[Tensor, Tensor]:
    """Rows [U] that any task touched, and every task's gradient there [A, U, D], the sum of its parts."""
    found = [(at, g._indices()[0], g._values()) for at, parts in enumerate(gradients) for g in parts]  # noqa: SLF001 - coalescing here would sort twice
    if not found:
        return torch.zeros(0, dtype=torch.int64, device=parameter.device), parameter.new_zeros(
            len(gradients), 0, parameter.shape[1]
        )
    rows, inverse = torch.unique(torch.cat([index for _, index, _ in found]), return_inverse=True)
    task = torch.cat([torch.full_like(index, at) for at, index, _ in found])
    touched = parameter.new_zeros(len(gradients) * len(rows), parameter.shape[1])
    touched.index_add_(0, task * len(rows) + inverse, torch.cat([values for _, _, values in found]))
    return rows, touched.view(len(gradients), len(rows), -1)

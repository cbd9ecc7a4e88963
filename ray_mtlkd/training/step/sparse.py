"""Gradients of hash tables: only the rows that a step touched are ever held.

Tasks touch rows of their own, so their gradients are brought together before they are compared and summed: all tasks'
rows lie end to end, and an order of them puts what belongs to one row of the table side by side.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ray_mtlkd.models.rows import distinct, of_rows, sums
from ray_mtlkd.torch_private import content
from ray_mtlkd.training.step.inner_products import inner_products


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
        self._touched: list[_Touched | None] = []

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
        """Bring the gradients of the step's tasks together."""
        self._touched = [_together([self._parts[task][at] for task in tasks]) for at in range(len(self.parameters))]

    def add_gram(self, gram: Tensor) -> Tensor:
        """``gram`` [A, A] plus the inner products of the tasks' gradients; after `gather`."""
        for touched in self._touched:
            if touched is not None:
                gram = gram + touched.gram(len(gram))
        return gram

    def add_squares(self, squares: Tensor) -> Tensor:
        """``squares`` [A] plus the tasks' squared gradients at the last shared layer; after `gather`."""
        for is_last, touched in zip(self._is_last, self._touched, strict=True):
            if is_last and touched is not None:
                squares = squares + touched.squares(len(squares))
        return squares

    def combine(self, weights: Tensor) -> None:
        """Set ``.grad`` of the parameters to the tasks' gradients weighted by ``weights`` [A]; after `gather`.

        It is None where no task has one.
        """
        for parameter, touched in zip(self.parameters, self._touched, strict=True):
            parameter.grad = None if touched is None else of_rows(*touched.combined(weights), parameter.shape)


def total(gradients: Sequence[Tensor]) -> Tensor:
    """The sum of one or more sparse gradients, coalesced: each row once, ascending."""
    if len(gradients) == 1 and _is_coalesced(gradients[0]):
        return of_rows(*content(gradients[0]), gradients[0].shape)
    rows, values = (torch.cat(parts) for parts in zip(*map(content, gradients), strict=True))
    found, order, starts = distinct(rows)
    return of_rows(found, sums(values, order, starts), gradients[0].shape)


@dataclass(frozen=True)
class _Touched:
    """The rows that A tasks touched, end to end [N]: a row of the table that k tasks touched stands there k times.

    Attributes:
        rows: Of the table, each once, ascending [U].
        order: Of the N: those of one row of the table side by side.
        starts: Where in ``order`` those of each row begin [U+1].
        task: Whose gradient each of the N is a row of, in 0..A-1.
        values: The gradients, and a row of zeros [N+1, D].
    """

    rows: Tensor
    order: Tensor
    starts: Tensor
    task: Tensor
    values: Tensor

    def combined(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Rows [U], and there [U, D] the tasks' gradients weighted by ``weights`` [A]."""
        return self.rows, sums(
            self.values, self.order, self.starts, weights.index_select(0, self.task.index_select(0, self.order))
        )

    def squares(self, tasks: int) -> Tensor:
        """Squared norms of the tasks' gradients [A], in float64."""
        each = torch.linalg.vector_norm(self.values[:-1], dim=1).double().square()
        squares: Tensor = each.new_zeros(tasks).index_add_(0, self.task, each)
        return squares

    def gram(self, tasks: int) -> Tensor:
        """Inner products of the tasks' gradients [A, A].

        Two different tasks have one over the rows in common alone, [C] of the [U].
        """
        counts = self.starts.diff()
        is_common = counts > 1
        common = int(is_common.sum())
        # [A, C + 1]: where a task's gradient at each common row stands, or the zeros; the last column is for all others
        column = torch.where(is_common, is_common.cumsum(0) - 1, common)
        at = self.task.new_full((tasks, common + 1), len(self.values) - 1)
        at[self.task[self.order], column.repeat_interleave(counts, output_size=len(self.order))] = self.order
        flat = self.values.index_select(0, at[:, :common].flatten()).view(tasks, -1)
        gram = inner_products(flat)
        gram.diagonal().copy_(self.squares(tasks))
        return gram


def _together(parts: Sequence[Sequence[Tensor]]) -> _Touched | None:
    """The gradients of A tasks, each the sum of its parts; None where there are none."""
    found = [(at, total(each)) for at, each in enumerate(parts) if each]
    if not found:
        return None
    indices = [gradient.indices()[0] for _, gradient in found]
    values = [gradient.values() for _, gradient in found]
    task = torch.cat([torch.full_like(index, at) for (at, _), index in zip(found, indices, strict=True)])
    zeros = values[0].new_zeros(1, values[0].shape[1])
    return _Touched(*distinct(torch.cat(indices)), task, torch.cat([*values, zeros]))


def _is_coalesced(gradient: Tensor) -> bool:
    # Autograd forgets it of what it sets as ``.grad``; to look is cheaper than to sort again.
    return gradient.is_coalesced() or bool((content(gradient)[0].diff() > 0).all())

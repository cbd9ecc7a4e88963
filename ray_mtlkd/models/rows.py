"""Rows of a large table: sums of those that many ids name, forward and backward to the distinct rows alone.

For ids whose bags are the rows of X [B, buckets], sparse, with a weight at every id, and a table E [buckets, D]:

    forward  Y = X E,    backward  dE = X^T dY

X has a few thousand distinct columns; sorted by column, its ids are bags of their own, of rows of dY. So the backward
is a sort and once more a sum of rows, and neither it nor its result knows how many rows the table has.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ray_mtlkd.torch_private import row_sums


def zeros(rows: int, width: int) -> Tensor:
    """A table [rows, width] in float32 on the CPU, in huge pages where Linux has them.

    In small pages nearly every row of a large table is in one of its own, whose address takes as long to look up as the
    row takes to read. NumPy asks for huge pages; torch does so only for a process started with THP_MEM_ALLOC_ENABLE=1.
    """
    return torch.from_numpy(np.zeros((rows, width), np.float32))


def distinct(ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The distinct ids [U] ascending, the order that sorts ids [n], and where each one begins in it [U+1].

    On a GPU the host waits for U.
    """
    ascending, order = ids.sort()
    found, counts = torch.unique_consecutive(ascending, return_counts=True)
    starts = counts.new_zeros(len(found) + 1)
    torch.cumsum(counts, 0, out=starts[1:])
    return found, order, starts


def sums(table: Tensor, ids: Tensor, offsets: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sums [B, D] of the table's rows that the ids [n] of each bag name, times weights [n]; offsets [B+1].

    Without a gradient: `RowSums` has one.
    """
    # torch's kernel fetches rows ahead, which `index_select` does not
    return row_sums(table.detach(), ids, offsets, weights)


def put(table: Tensor, rows: Tensor, values: Tensor) -> None:
    """Overwrite the given rows [n] of the table, each once, with values [n, D]."""
    # torch copies number by number: wide ones are fewer, and what they mean does not matter
    wide = torch.complex128 if values.shape[1] * values.element_size() % 16 == 0 else values.dtype
    table.view(wide).index_copy_(0, rows, values.view(wide))


class RowSums(torch.autograd.Function):
    """`sums`, whose gradient by the table is sparse: each distinct row once, ascending."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, ids: Tensor, offsets: Tensor, weights: Tensor | None) -> Tensor:
        """As `sums`."""
        ctx.save_for_backward(ids, offsets, weights)
        ctx.shape = table.shape
        ctx.transposed = None
        return sums(table, ids, offsets, weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """By the table alone; ids and weights are data."""
        if ctx.transposed is None:  # tasks that share a batch go through it once each
            ctx.transposed = _transpose(*ctx.saved_tensors)
        rows, *bags = ctx.transposed
        return of_rows(rows, sums(gradient.contiguous(), *bags), ctx.shape), None, None, None


def of_rows(rows: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    """A sparse gradient of the given shape with values [U, D] at rows [U], each once, ascending."""
    return torch.sparse_coo_tensor(rows[None], values, shape, is_coalesced=True, check_invariants=False)


def _transpose(ids: Tensor, offsets: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """Distinct ids [U], and for each of them the bags that hold it: bags [n], offsets [U+1], weights [n]."""
    rows, order, starts = distinct(ids)
    places = torch.arange(len(offsets) - 1, device=ids.device)
    bags = torch.repeat_interleave(places, offsets.diff(), output_size=len(ids))
    transposed = None if weights is None else weights.index_select(0, order)
    return rows, bags.index_select(0, order), starts, transposed

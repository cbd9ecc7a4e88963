"""Inner products of gradients, as precisely as balancers count on."""

import torch
from torch import Tensor

_BLOCK = 2048
"""Columns whose products are summed in the rows' own precision."""


def inner_products(rows: Tensor) -> Tensor:
    """Those of rows [A, P] with each other [A, A], in float64.

    Blocks of columns are multiplied as they are, in float32, and only their products are summed in float64: cosines are
    known to 1e-7 and better however long the rows are, at the price of one product of all columns, which at 10^6 of
    them errs by 1e-5. Balancers take what is below 1e-6 of a Gramian for nothing.
    """
    blocks, rest = divmod(rows.shape[1], _BLOCK)
    whole, last = torch.split(rows, [blocks * _BLOCK, rest], dim=1)
    cut = whole.view(len(rows), blocks, _BLOCK).transpose(0, 1)
    found: Tensor = (cut @ cut.mT).sum(0, dtype=torch.float64) + last @ last.T
    return found

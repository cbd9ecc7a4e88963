"""Layers that several encoders use."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.models.rows import RowSums, zeros


class Layer(nn.Module):
    """Linear, ReLU, dropout; He-initialised, so that a stack of them keeps the scale of its inputs."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_uniform_(self.linear.weight, nonlinearity="relu")
        nn.init.zeros_(self.linear.bias)
        self.dropout = dropout

    def forward(self, inputs: Tensor) -> Tensor:
        """Activations [N, outputs] of inputs [N, inputs]."""
        # in place: another copy of the activations would only be written and read again
        activations: Tensor = self.linear(inputs).relu_()
        return functional.dropout(activations, self.dropout, self.training) if self.dropout else activations


def stack(widths: Sequence[int], *, dropout: float) -> nn.ModuleList:
    """Layers from each width to the next; none where there is only one width."""
    return nn.ModuleList(Layer(inputs, outputs, dropout=dropout) for inputs, outputs in pairwise(widths))


class HashTable(nn.EmbeddingBag):
    """A hashed embedding [buckets, width] whose rows are summed.

    Its gradient is sparse, as torch's own of ``sparse=True``, but holds each row once and not once for every id: what a
    batch costs depends on its ids alone.

    Args:
        buckets: Rows.
        width: Columns.
        std: Of the rows' initial values.
    """

    def __init__(self, buckets: int, width: int, *, std: float) -> None:
        # on no device: torch would make and fill a table of its own, in small pages
        super().__init__(buckets, width, mode="sum", sparse=True, include_last_offset=True, device="meta")
        self.weight = nn.Parameter(nn.init.normal_(zeros(buckets, width), std=std))

    def forward(
        self,
        input: Tensor,  # noqa: A002 - torch's name for the ids
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        """Sums [B, width] of the rows of ids [nnz] at offsets [B+1], with weights [nnz]."""
        summed: Tensor = RowSums.apply(self.weight, input, offsets, per_sample_weights)  # type: ignore[no-untyped-call]
        return summed


class HashedLayer(nn.Module):
    """The first layer of an MLP over sparse hashed features: ReLU(sum of weighted rows + bias), dropout."""

    def __init__(self, buckets: int, width: int, *, std: float, dropout: float) -> None:
        super().__init__()
        self.table = HashTable(buckets, width, std=std)
        # As nn.Linear's bias, for inputs of norm 1.
        bound = std / math.sqrt(3)
        self.bias = nn.Parameter(nn.init.uniform_(self.table.weight.new_empty(width), -bound, bound))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
        """Rows [B, width] of ids [nnz], weights [nnz] and offsets [B+1]."""
        summed = self.table(ids, offsets, per_sample_weights=weights)
        activations: Tensor = self.dropout((summed + self.bias).relu())
        return activations


class WordEmbedding(nn.Module):
    """A word as the sum of the embeddings of its hashes; training drops whole words (Iyyer et al. 2015, DAN, 2.2.1)."""

    def __init__(self, buckets: int, width: int, *, std: float, dropout: float) -> None:
        super().__init__()
        self.table = HashTable(buckets, width, std=std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Words [tokens, width] of ids [tokens, W]."""
        tokens, hashes = ids.shape
        offsets = torch.arange(0, (tokens + 1) * hashes, hashes, device=ids.device)
        words: Tensor = self.table(ids.flatten(), offsets)
        kept: Tensor = self.dropout(words.new_ones(tokens, 1))
        return words * kept


def pool(states: Tensor, offsets: Tensor) -> Tensor:
    """Maximum and mean [B, 2 S] over each row's states [tokens, S]; zeros for a row without words."""
    lengths = offsets.diff().unsqueeze(1)
    largest = torch.segment_reduce(states, "max", offsets=offsets, axis=0).masked_fill(lengths == 0, 0.0)
    total = torch.segment_reduce(states, "sum", offsets=offsets, axis=0)
    return torch.cat([largest, total / lengths.clamp(min=1)], dim=1)

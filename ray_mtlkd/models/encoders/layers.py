"""Layers that several encoders use."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.data.inputs import Tokens
from ray_mtlkd.models.encoders.base import EncoderLayer, Ending
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


class HiddenLayer(EncoderLayer):
    """A layer of an encoder above the first."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float) -> None:
        super().__init__()
        self.layer = Layer(inputs, outputs, dropout=dropout)
        self.width = outputs

    def forward(self, states: Any, inputs: Any, task: int) -> Tensor:  # noqa: ARG002
        """Activations of the states below."""
        activations: Tensor = self.layer(states)
        return activations

    def matrix(self) -> Tensor:
        """The linear layer's."""
        return self.layer.linear.weight


def stack(widths: Sequence[int], *, dropout: float) -> Iterator[HiddenLayer]:
    """Layers from each width to the next; none where there is only one width."""
    return (HiddenLayer(inputs, outputs, dropout=dropout) for inputs, outputs in pairwise(widths))


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
        # given: torch would make and fill a table of its own, in small pages (one on no device imports its compiler)
        weight = nn.init.normal_(zeros(buckets, width), std=std)
        super().__init__(buckets, width, mode="sum", sparse=True, include_last_offset=True, _weight=weight)

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
    """The first layer of an MLP over sparse hashed features: ReLU(sum of weighted rows + bias)."""

    def __init__(self, buckets: int, width: int, *, std: float) -> None:
        super().__init__()
        self.table = HashTable(buckets, width, std=std)
        # As nn.Linear's bias, for inputs of norm 1.
        bound = std / math.sqrt(3)
        self.bias = nn.Parameter(nn.init.uniform_(self.table.weight.new_empty(width), -bound, bound))

    def forward(self, ids: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
        """Rows [B, width] of ids [nnz], weights [nnz] and offsets [B+1]."""
        summed = self.table(ids, offsets, per_sample_weights=weights)
        activations: Tensor = (summed + self.bias).relu()
        return activations


class WordEmbedding(EncoderLayer):
    """A word as the sum of the embeddings of its hashes; training drops whole words (Iyyer et al. 2015, DAN, 2.2.1)."""

    def __init__(self, buckets: int, width: int, *, std: float, dropout: float) -> None:
        super().__init__()
        self.table = HashTable(buckets, width, std=std)
        self.dropout = nn.Dropout(dropout)
        self.width = width

    def forward(self, states: None, inputs: Tokens[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """Words [tokens, width] of ids [tokens, W]."""
        tokens, hashes = inputs.ids.shape
        offsets = torch.arange(0, (tokens + 1) * hashes, hashes, device=inputs.ids.device)
        words: Tensor = self.table(inputs.ids.flatten(), offsets)
        kept: Tensor = self.dropout(words.new_ones(tokens, 1))
        return words * kept


def by_row(values: Tensor) -> Tensor:
    """Each row [N, W] less its mean, over its standard deviation (Ba et al. 2016, arXiv:1607.06450, without gains).

    What reads it sees one scale, whatever the layers below have grown to under other tasks. Rows of zeros stay zeros.
    """
    return functional.layer_norm(values, values.shape[1:])


def pool(states: Tensor, offsets: Tensor) -> Tensor:
    """Maximum and mean [B, 2 S] over each row's states [tokens, S]; zeros for a row without words."""
    lengths = offsets.diff().unsqueeze(1)
    largest = torch.segment_reduce(states, "max", offsets=offsets, axis=0).masked_fill(lengths == 0, 0.0)
    total = torch.segment_reduce(states, "sum", offsets=offsets, axis=0)
    return torch.cat([largest, total / lengths.clamp(min=1)], dim=1)


class TextEnding(Ending):
    """A text is the pool of its words' states, and a wide part beside it; a tagger reads the states themselves.

    A row without words is represented by zeros.

    Args:
        per_token: Whether each task reads states [T].
        dropout: Of the representations.
        wide: A layer over the n-grams of a text, or none.
        scaled: Whether each task's representations are brought to mean 0 and variance 1, row by row and part by part
            (`by_row`) [T]; none are where it is left out.
    """

    def __init__(
        self,
        per_token: Sequence[bool],
        *,
        dropout: float,
        wide: HashedLayer | None = None,
        scaled: Sequence[bool] | None = None,
    ) -> None:
        super().__init__()
        self.per_token = list(per_token)
        self.scaled = [False] * len(self.per_token) if scaled is None else list(scaled)
        self.dropout = nn.Dropout(dropout)
        self.wide = wide

    def forward(self, states: Tensor, inputs: Tokens[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Max and mean over a row's states, then its wide part [B, 2 S + wide], or the states [tokens, S]."""
        ways = [(self.per_token[task], self.scaled[task]) for task in tasks]
        made = {way: self._made(states, inputs, per_token=way[0], scaled=way[1]) for way in dict.fromkeys(ways)}
        return tuple(made[way] for way in ways)

    def width(self, task: int, states: int) -> int:
        """Width of the states; of a text, that of their pool and of the wide part."""
        if self.per_token[task]:
            return states
        return 2 * states + (0 if self.wide is None else len(self.wide.bias))

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """The wide part of a text."""
        return () if self.per_token[task] or self.wide is None else (self.wide,)

    def of(self, task: int) -> "TextEnding":
        """Without the wide part, where the task reads states."""
        by_token = self.per_token[task]
        wide = None if by_token else self.wide
        return TextEnding([by_token], dropout=self.dropout.p, wide=wide, scaled=[self.scaled[task]])

    def _made(self, states: Tensor, inputs: Tokens[Tensor], *, per_token: bool, scaled: bool) -> Tensor:
        parts = [states if per_token else pool(states, inputs.offsets)]
        if not per_token and self.wide is not None and inputs.bag is not None:
            parts.append(self.wide(inputs.bag.ids, inputs.bag.weights, inputs.bag.offsets))
        parts = [by_row(part) for part in parts] if scaled else parts
        representation: Tensor = self.dropout(parts[0] if len(parts) == 1 else torch.cat(parts, dim=1))
        return representation


class LowRank(nn.Module):
    """B A for a weight whose first dimension is that of its outputs."""

    def __init__(self, weight: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = weight.flatten(1).shape
        self.a = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(rank, inputs), a=math.sqrt(5)))
        self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight plus B A."""
        return weight + (self.b @ self.a).view_as(weight)

"""Layers that several encoders use."""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class Layer(nn.Sequential):
    """Linear, ReLU, dropout; He-initialised, so that a stack of them keeps the scale of its inputs."""

    def __init__(self, inputs: int, outputs: int, *, dropout: float) -> None:
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
        nn.init.zeros_(linear.bias)
        super().__init__(linear, nn.ReLU(), nn.Dropout(dropout))


def stack(widths: Sequence[int], *, dropout: float) -> nn.ModuleList:
    """Layers from each width to the next; none where there is only one width."""
    return nn.ModuleList(Layer(inputs, outputs, dropout=dropout) for inputs, outputs in pairwise(widths))


def hash_table(buckets: int, width: int, *, std: float) -> nn.EmbeddingBag:
    """A hashed embedding [buckets, width] whose rows are summed, with sparse gradients.

    Args:
        buckets: Rows.
        width: Columns.
        std: Of the rows' initial values.
    """
    table = nn.EmbeddingBag(buckets, width, mode="sum", sparse=True, include_last_offset=True)
    nn.init.normal_(table.weight, std=std)
    return table


class HashedLayer(nn.Module):
    """The first layer of an MLP over sparse hashed features: ReLU(sum of weighted rows + bias), dropout."""

    def __init__(self, buckets: int, width: int, *, std: float, dropout: float) -> None:
        super().__init__()
        self.table = hash_table(buckets, width, std=std)
        # As nn.Linear's bias, for inputs of norm 1.
        bound = std / math.sqrt(3)
        self.bias = nn.Parameter(nn.init.uniform_(self.table.weight.new_empty(width), -bound, bound))
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor, weights: Tensor, offsets: Tensor) -> Tensor:
        """Rows [B, width] of ids [nnz], weights [nnz] and offsets [B+1]."""
        summed = self.table(ids, offsets, per_sample_weights=weights)
        activations: Tensor = self.dropout((summed + self.bias).relu())
        return activations


class HashedWords(nn.Module):
    """A word as the sum of the embeddings of its hashes; training drops whole words (Iyyer et al. 2015, DAN, 2.2.1)."""

    def __init__(self, buckets: int, width: int, *, std: float, dropout: float) -> None:
        super().__init__()
        self.table = hash_table(buckets, width, std=std)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        """Words [tokens, width] of ids [tokens, W]."""
        tokens, hashes = ids.shape
        offsets = torch.arange(0, (tokens + 1) * hashes, hashes, device=ids.device)
        words: Tensor = self.table(ids.flatten(), offsets)
        kept: Tensor = self.dropout(words.new_ones(tokens, 1))
        return words * kept


class WideLayer(nn.Module):
    """A text's hashed n-grams as linear units: their learned vectors, summed, over the root of their number.

    The vectors start at zero, so that n-grams unseen in train say nothing. Training drops whole n-grams, too.
    """

    def __init__(self, buckets: int, width: int, *, ngrams: int, dropout: float, word_dropout: float) -> None:
        super().__init__()
        self.table = hash_table(buckets, width, std=0.0)
        self.buckets = buckets
        self.ngrams = ngrams
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = nn.Dropout(word_dropout)

    def forward(self, words: Tensor, offsets: Tensor) -> Tensor:
        """Rows [B, width] of words [tokens], one hash each, and offsets [B+1]; zeros for a row without words."""
        ids = ngram_ids(words, offsets, longest=self.ngrams, buckets=self.buckets).flatten()
        kept = self.word_dropout(self.table.weight.new_ones(len(ids)))
        summed = self.table(ids, offsets * self.ngrams, per_sample_weights=kept)
        grams = (offsets.diff() * self.ngrams).clamp(min=1).unsqueeze(1)
        units: Tensor = self.dropout(summed * grams.rsqrt())
        return units


_PRIME = 2**31 - 1
_MULTIPLIER = 0x9E3779B1
"""2**32 over the golden ratio, as in Knuth's multiplicative hashing; times a key below the prime it fits int64."""


def ngram_ids(words: Tensor, offsets: Tensor, *, longest: int, buckets: int) -> Tensor:
    """Buckets [tokens, longest] of the n-grams of 1 to ``longest`` words that begin at each of words [tokens].

    An n-gram that reaches beyond its row goes on with a sign for the end, so it never knows the next row.
    """
    lengths = offsets.diff()
    left = torch.repeat_interleave(offsets[1:], lengths) - torch.arange(len(words), device=words.device)
    keys, grams = words, [words]
    for shift in range(1, longest):
        following = torch.where(left > shift, words.roll(-shift), -1)
        keys = (keys * _MULTIPLIER + following + 1) % _PRIME
        grams.append(keys)
    return torch.stack(grams, dim=1) % buckets


def pool(states: Tensor, offsets: Tensor) -> Tensor:
    """Maximum and mean [B, 2 S] over each row's states [tokens, S]; zeros for a row without words."""
    lengths = offsets.diff().unsqueeze(1)
    largest = torch.segment_reduce(states, "max", offsets=offsets, axis=0).masked_fill(lengths == 0, 0.0)
    total = torch.segment_reduce(states, "sum", offsets=offsets, axis=0)
    return torch.cat([largest, total / lengths.clamp(min=1)], dim=1)

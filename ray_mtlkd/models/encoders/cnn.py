"""Convolutions over hashed words (Kim 2014, arXiv:1408.5882); per-token states for tagging.

A word is the sum of the embeddings of its hashes. Beside the pooled convolutions a text has a wide part: hidden units
over the TF-IDF of its n-grams of words and letters, as the ``bag`` encoder has them, which say without a detour what
single words, word pairs and word stems say. Heads read words and texts scaled row by row (layer normalisation without
gains): one task that is learned by heart would otherwise leave the next one states of any size to begin with.

The batch's rows lie end to end with gutters of zeros between them, as wide as the longest filter's reach: every row
sees zeros around itself and never its neighbours, and no work is spent on padding the short rows.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

import torch
from annotated_types import MinLen
from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.data.features import BagFeatures, Layout, TokenFeatures
from ray_mtlkd.data.inputs import Tokens
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderLayer, Forms, LayeredEncoder, Letters
from ray_mtlkd.models.encoders.layers import HashedLayer, TextEnding, WordEmbedding
from ray_mtlkd.ranges import NaturalInt, OddInt, PositiveInt, Share, SmallCount
from ray_mtlkd.tasks.kinds import kind_named

_STD = 0.05
"""Of the initial embeddings: small, so that words unseen in train say little."""


@document
class Cnn:
    """All tasks share every layer; text kinds pool the per-token states that tagging reads.

    Attributes:
        embedding: Width of a word's embedding.
        widths: Words that each filter size spans; odd, so that every word has a state.
        channels: Filters of each size.
        wide: Units over the n-grams of a text (tagging has none); 0 leaves the wide part out.
        ngrams: Longest n-gram of words of the wide part.
        letters: Longest n-gram of letters of the wide part; 0 for none.
        buckets: Rows of the hash table of words, and of each of the two of n-grams.
        max_length: Words kept of a text (tagging rows are never cut).
        dropout: Of the representations (Kim 2014, section 2.1).
        word_dropout: Share of the convolutions' words that training leaves out.
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "cnn"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Tokens", tokens="Tokens")

    embedding: PositiveInt = 64
    widths: Annotated[tuple[OddInt, ...], MinLen(1)] = (1, 3, 5)
    channels: PositiveInt = 64
    wide: NaturalInt = 64
    ngrams: SmallCount = BagFeatures.ngrams
    letters: Letters = BagFeatures.letters
    buckets: PositiveInt = TokenFeatures.buckets
    max_length: PositiveInt = TokenFeatures.max_length
    dropout: Share = 0.3
    word_dropout: Share = 0.1
    join: PositiveInt = 64

    @property
    def features(self) -> TokenFeatures:
        """Hashed words in order, and the bag of the wide part."""
        bag = BagFeatures(buckets=self.buckets, ngrams=self.ngrams, letters=self.letters) if self.wide else None
        return TokenFeatures(buckets=self.buckets, max_length=self.max_length, bag=bag)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:
        """The encoder; its layers are the same whatever the tasks."""
        buckets = max(layout.buckets for layout in layouts)
        words = WordEmbedding(buckets, self.embedding, std=_STD, dropout=self.word_dropout)
        filters = FilterLayer(self.embedding, self.channels, self.widths)
        per_token = [kind_named(kind).per_token for kind in kinds]
        ngrams = 0 if all(per_token) else max(layout.ngrams for layout in layouts)
        wide = HashedLayer(ngrams, self.wide, std=_STD) if ngrams else None
        # the layer that joins the sides of a pair scales them itself, and compares them as they are
        scaled = [layout.overlap is None for layout in layouts]
        return LayeredEncoder((words, filters), TextEnding(per_token, dropout=self.dropout, wide=wide, scaled=scaled))


class FilterLayer(EncoderLayer):
    """Filters of several sizes over the words of each row, with zeros around it; ReLU."""

    def __init__(self, embedding: int, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.filters = nn.ModuleList(nn.Conv1d(embedding, channels, width, padding=width // 2) for width in widths)
        self.gutter = max(widths) // 2
        self.width = channels * len(widths)

    def forward(self, states: Any, inputs: Tokens[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """States [tokens, S] of words [tokens, E]."""
        lengths = inputs.offsets.diff()
        rows = torch.arange(lengths.shape[0], device=lengths.device)
        row = torch.repeat_interleave(rows, lengths, output_size=states.shape[0])
        at = torch.arange(row.shape[0], device=row.device) + (row + 1) * self.gutter
        line = states.new_zeros(states.shape[0] + (lengths.shape[0] + 1) * self.gutter, states.shape[1])
        line = line.index_copy(0, at, states)
        convolved = torch.cat([self._convolved(line, cast(nn.Conv1d, each)) for each in self.filters], dim=1)
        return convolved.index_select(0, at - self.gutter).relu()

    def _convolved(self, line: Tensor, filters: nn.Conv1d) -> Tensor:
        """What filters [C, E, K] and biases [C] make of a line [L, E] without its ends, as wide as the gutter.

        The sum over places k of x_(t+k) W_k, each a product of matrices: on a CPU torch's convolution would make a
        kernel for every new length, which nearly every batch has, and keep a thousand of them.
        """
        first = self.gutter - filters.weight.shape[2] // 2
        length = line.shape[0] - 2 * self.gutter
        summed = cast(Tensor, filters.bias)
        for place, weight in enumerate(filters.weight.unbind(2), start=first):
            summed = torch.addmm(summed, line[place : place + length], weight.T)
        return summed

    def matrix(self) -> Tensor:
        """All filters, with zeros around the short ones."""
        weights = [cast(nn.Conv1d, conv).weight for conv in self.filters]
        reach = [(2 * self.gutter + 1 - weight.shape[2]) // 2 for weight in weights]
        padded = [functional.pad(weight, (zeros, zeros)) for weight, zeros in zip(weights, reach, strict=True)]
        return torch.cat(padded).flatten(1)

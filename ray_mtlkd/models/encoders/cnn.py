"""Convolutions over hashed words (Kim 2014, arXiv:1408.5882); per-token states for tagging.

A word is the sum of the embeddings of its hashes. Beside the pooled convolutions a text has a wide part: hidden units
over the TF-IDF of its n-grams of words and letters, as the ``bag`` encoder has them, which say without a detour what
single words, word pairs and word stems say.

The batch's rows lie end to end with gutters of zeros between them, as wide as the longest filter's reach: every row
sees zeros around itself and never its neighbours, and no work is spent on padding the short rows.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from annotated_types import MinLen
from torch import Tensor, nn

from ray_mtlkd.data.inputs import BagFeatures, Layout, TokenFeatures, Tokens
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, Forms, Letters
from ray_mtlkd.models.encoders.layers import HashedLayer, WordEmbedding, pool
from ray_mtlkd.ranges import NaturalInt, OddInt, PositiveInt, Share
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
    ngrams: PositiveInt = BagFeatures.ngrams
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

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> "CnnEncoder":
        """The encoder; its layers are the same whatever the tasks."""
        return CnnEncoder(self, layouts, per_token=[kind_named(kind).per_token for kind in kinds])


class CnnEncoder(Encoder):
    """See `Cnn`."""

    def __init__(self, config: Cnn, layouts: Sequence[Layout], *, per_token: Sequence[bool]) -> None:
        super().__init__()
        buckets = max(layout.buckets for layout in layouts)
        self.words = WordEmbedding(buckets, config.embedding, std=_STD, dropout=config.word_dropout)
        self.filters = nn.ModuleList(
            nn.Conv1d(config.embedding, config.channels, width, padding=width // 2) for width in config.widths
        )
        self.dropout = nn.Dropout(config.dropout)
        self.per_token = list(per_token)
        self.gutter = max(config.widths) // 2
        self.states = config.channels * len(config.widths)
        ngrams = 0 if all(per_token) else max(layout.ngrams for layout in layouts)
        self.wide = HashedLayer(ngrams, config.wide, std=_STD, dropout=config.dropout) if ngrams else None
        self.pooled = 2 * self.states + (config.wide if ngrams else 0)

    def forward(self, inputs: Tokens[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Max and mean over the row's words, then its wide part [B, 2 S + wide], or the words' states [tokens, S].

        A row without words is represented by zeros.
        """
        lengths = inputs.offsets.diff()
        row = torch.repeat_interleave(
            torch.arange(len(lengths), device=lengths.device), lengths, output_size=len(inputs.ids)
        )
        states = self._convolve(self.words(inputs.ids), row=row, rows=len(lengths))
        wanted = {self.per_token[task] for task in tasks}
        made = {by_token: self.dropout(states) if by_token else self._text(states, inputs) for by_token in wanted}
        return tuple(made[self.per_token[task]] for task in tasks)

    def width(self, task: int) -> int:
        """Width of the states; of a text, that of their pool and of the wide part."""
        return self.states if self.per_token[task] else self.pooled

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """The wide part of a text, the words, then the filters, which every task goes through."""
        wide = () if self.per_token[task] or self.wide is None else (self.wide,)
        return (*wide, self.words, self.filters)

    def _text(self, states: Tensor, inputs: Tokens[Tensor]) -> Tensor:
        pooled: Tensor = self.dropout(pool(states, inputs.offsets))
        if self.wide is None or inputs.bag is None:
            return pooled
        return torch.cat([pooled, self.wide(inputs.bag.ids, inputs.bag.weights, inputs.bag.offsets)], dim=1)

    def _convolve(self, words: Tensor, *, row: Tensor, rows: int) -> Tensor:
        """States [tokens, S] of words [tokens, E] that lie in the given rows [tokens]."""
        at = torch.arange(len(row), device=row.device) + (row + 1) * self.gutter
        line = words.new_zeros(len(words) + (rows + 1) * self.gutter, words.shape[1])
        line = line.index_copy(0, at, words).T.contiguous().unsqueeze(0)
        convolved = torch.cat([conv(line) for conv in self.filters], dim=1).squeeze(0)
        return convolved.T.contiguous().index_select(0, at).relu()

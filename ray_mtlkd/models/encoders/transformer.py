"""A small transformer over hashed words, trained from scratch (Vaswani et al. 2017, arXiv:1706.03762).

Layers normalise first (Xiong et al. 2020, arXiv:2002.04745), so that they train at the rates of the other encoders.
Positions are sinusoids (section 3.5), so that a row of any length has them. Rows are padded to the longest of the
batch, and no word attends to padding.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import torch
from annotated_types import MultipleOf
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from ray_mtlkd.data.inputs import Layout, TokenFeatures, Tokens
from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import Encoder, Forms
from ray_mtlkd.models.encoders.layers import WordEmbedding, pool
from ray_mtlkd.ranges import PositiveInt, Share
from ray_mtlkd.tasks.kinds import kind_named

_STD = 0.05
"""Of the initial embeddings; words and positions are then of one scale."""

_LONGEST_WAVE = 10_000.0


@document
class Transformer:
    """All tasks share every layer; text kinds pool the per-token states that tagging reads.

    Attributes:
        embedding: Width of a word's state; even, for a sine and a cosine of every wave.
        layers: Blocks of self-attention and feed-forward layer.
        attention_heads: Of each block; they divide the embedding.
        feedforward: Width of each block's hidden layer.
        buckets: Rows of the hash table.
        max_length: Words kept of a text (tagging rows are never cut).
        dropout: In every block and of the representations.
        word_dropout: Share of words that training leaves out.
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "transformer"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Tokens", tokens="Tokens")

    embedding: Annotated[PositiveInt, MultipleOf(2)] = 64
    layers: PositiveInt = 1
    attention_heads: PositiveInt = 4
    feedforward: PositiveInt = 128
    buckets: PositiveInt = TokenFeatures.buckets
    max_length: PositiveInt = TokenFeatures.max_length
    dropout: Share = 0.1
    word_dropout: Share = 0.1
    join: PositiveInt = 64

    def __post_init__(self) -> None:
        """Refuse heads of different widths."""
        if self.embedding % self.attention_heads:
            what = f"{self.attention_heads} heads cannot share an embedding of {self.embedding}"
            refuse([MtlkdError(what, where="attention_heads", fix="give a number that divides `embedding`")])

    @property
    def features(self) -> TokenFeatures:
        """Hashed words in order."""
        return TokenFeatures(buckets=self.buckets, max_length=self.max_length)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> "TransformerEncoder":
        """The encoder; its layers are the same whatever the tasks."""
        return TransformerEncoder(self, layouts, per_token=[kind_named(kind).per_token for kind in kinds])


class TransformerEncoder(Encoder):
    """See `Transformer`."""

    def __init__(self, config: Transformer, layouts: Sequence[Layout], *, per_token: Sequence[bool]) -> None:
        super().__init__()
        buckets = max(layout.buckets for layout in layouts)
        self.words = WordEmbedding(buckets, config.embedding, std=_STD, dropout=config.word_dropout)
        block = nn.TransformerEncoderLayer(
            config.embedding,
            config.attention_heads,
            dim_feedforward=config.feedforward,
            dropout=config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        # Nested tensors are a prototype that warns; torch copies the block, initial values included.
        self.blocks = nn.TransformerEncoder(
            block, config.layers, norm=nn.LayerNorm(config.embedding), enable_nested_tensor=False
        )
        self.dropout = nn.Dropout(config.dropout)
        self.per_token = list(per_token)
        self.states = config.embedding

    def forward(self, inputs: Tokens[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Max and mean over the row's words [B, 2 S], or the words' states [tokens, S].

        A row without words is represented by zeros.
        """
        states = self._attend(self.words(inputs.ids), inputs.offsets)
        wanted = {self.per_token[task] for task in tasks}
        made = {by_token: self.dropout(states if by_token else pool(states, inputs.offsets)) for by_token in wanted}
        return tuple(made[self.per_token[task]] for task in tasks)

    def width(self, task: int) -> int:
        """Width of the states, twice that where they are pooled."""
        return self.states if self.per_token[task] else 2 * self.states

    def parts(self, task: int) -> tuple[nn.Module, ...]:  # noqa: ARG002 - the same for every task
        """The words, then the blocks."""
        return (self.words, self.blocks)

    def _attend(self, words: Tensor, offsets: Tensor) -> Tensor:
        """States [tokens, S] of words [tokens, S] after all blocks."""
        if not len(words):
            return words
        lengths = offsets.diff()
        padded = pad_sequence(list(torch.split(words, lengths.tolist())), batch_first=True)
        place = torch.arange(padded.shape[1], device=words.device)
        real = place < lengths.unsqueeze(1)
        # A row without words attends to its first padding, since the softmax over nothing is not a number.
        ignored = ~real & (place > 0)
        states: Tensor = self.blocks(padded + _STD * waves(place, self.states), src_key_padding_mask=ignored)
        return states[real]


def waves(places: Tensor, width: int) -> Tensor:
    """Sinusoids [L, width] at places [L], sines then cosines, their periods from 2π to 10000 · 2π (section 3.5)."""
    steps = torch.arange(width // 2, device=places.device) / (width // 2)
    angles = places.unsqueeze(1) * torch.exp(-math.log(_LONGEST_WAVE) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=1)

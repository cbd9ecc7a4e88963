"""A small transformer over hashed words, trained from scratch (Vaswani et al. 2017, arXiv:1706.03762).

Layers normalise first (Xiong et al. 2020, arXiv:2002.04745), so that they train at the rates of the other encoders.
Positions are sinusoids (section 3.5), so that a row of any length has them. Rows are padded to the longest of the
batch, and no word attends to padding.
"""

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, cast

import torch
from annotated_types import MultipleOf
from torch import Tensor, nn

from ray_mtlkd.data.features import Layout, TokenFeatures
from ray_mtlkd.data.inputs import Tokens
from ray_mtlkd.decode import document, refuse
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import EncoderLayer, Forms, LayeredEncoder
from ray_mtlkd.models.encoders.layers import TextEnding, WordEmbedding
from ray_mtlkd.ranges import PositiveInt, Share, SmallCount
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
    layers: SmallCount = 1
    attention_heads: SmallCount = 4
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

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:
        """The encoder; its layers are the same whatever the tasks."""
        buckets = max(layout.buckets for layout in layouts)
        words = PlacedWords(buckets, self.embedding, std=_STD, dropout=self.word_dropout)
        block = nn.TransformerEncoderLayer(
            self.embedding,
            self.attention_heads,
            dim_feedforward=self.feedforward,
            dropout=self.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        # as torch's own stack, which starts all blocks alike
        norms = [None] * (self.layers - 1) + [nn.LayerNorm(self.embedding)]
        blocks = [AttentionLayer(copy.deepcopy(block), norm) for norm in norms]
        per_token = [kind_named(kind).per_token for kind in kinds]
        return LayeredEncoder((words, *blocks), TextEnding(per_token, dropout=self.dropout))


class PlacedWords(WordEmbedding):
    """Words that know their place in the row."""

    def forward(self, states: None, inputs: Tokens[Tensor], task: int) -> Tensor:
        """Words [tokens, width], sinusoids added."""
        words = super().forward(states, inputs, task)
        _, place = _places(inputs)
        return words + _STD * waves(place, self.width)


class AttentionLayer(EncoderLayer):
    """Self-attention within each row, then a feed-forward layer.

    Args:
        block: Both.
        norm: Of the last layer, whose block leaves its sum as it is.
    """

    def __init__(self, block: nn.TransformerEncoderLayer, norm: nn.LayerNorm | None) -> None:
        super().__init__()
        self.block = block
        self.norm = norm
        self.width = block.linear2.out_features

    def forward(self, states: Any, inputs: Tokens[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """States [tokens, S] of states [tokens, S]."""
        if not len(states):
            return cast(Tensor, states)
        row, place = _places(inputs)
        lengths = inputs.offsets.diff()
        longest = int(lengths.max())
        at = row * longest + place
        padded = states.new_zeros(len(lengths) * longest, self.width).index_copy(0, at, states)
        # A row without words attends to its first padding, since the softmax over nothing is not a number.
        ignored = torch.arange(longest, device=row.device) >= lengths.clamp(min=1).unsqueeze(1)
        attended = self.block(padded.view(len(lengths), longest, self.width), src_key_padding_mask=ignored)
        found: Tensor = attended.flatten(0, 1).index_select(0, at)
        return found if self.norm is None else self.norm(found)

    def matrix(self) -> Tensor:
        """The last one of the feed-forward layer."""
        return self.block.linear2.weight


def _places(inputs: Tokens[Tensor]) -> tuple[Tensor, Tensor]:
    """The row of each word, and its place there [tokens]."""
    lengths = inputs.offsets.diff()
    rows = torch.arange(len(lengths), device=lengths.device)
    row = torch.repeat_interleave(rows, lengths, output_size=len(inputs.ids))
    return row, torch.arange(len(row), device=row.device) - inputs.offsets.index_select(0, row)


def waves(places: Tensor, width: int) -> Tensor:
    """Sinusoids [L, width] at places [L], sines then cosines, their periods from 2π to 10000 · 2π (section 3.5)."""
    steps = torch.arange(width // 2, device=places.device) / (width // 2)
    angles = places.unsqueeze(1) * torch.exp(-math.log(_LONGEST_WAVE) * steps)
    return torch.cat([angles.sin(), angles.cos()], dim=1)

"""Convolutions over hashed words (Kim 2014, arXiv:1408.5882); per-token states for tagging.

A word is the sum of the embeddings of its hashes. The batch's rows lie end to end with gutters of zeros between them,
as wide as the longest filter's reach: every row sees zeros around itself and never its neighbours, and no work is spent
on padding the short rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, check_dropout, check_widths
from ray_mtlkd.models.encoders.layers import hash_table
from ray_mtlkd.tasks.inputs import Layout, TokenFeatures, Tokens
from ray_mtlkd.tasks.kinds import KINDS
from ray_mtlkd.tasks.task import Kind

_STD = 0.05
"""Of the initial embeddings: small, so that words unseen in train say little."""


@document
@dataclass(frozen=True, kw_only=True)
class Cnn:
    """All tasks share every layer; text kinds pool the per-token states that tagging reads.

    Attributes:
        embedding: Width of a word's embedding.
        widths: Words that each filter size spans, all odd.
        channels: Filters of each size.
        buckets: Rows of the hash table.
        max_length: Words kept of a text (tagging rows are never cut).
        dropout: Of the representations (Kim 2014, section 2.1), in [0, 1).
        join: Width of the layer that joins the two sides of a pair.
    """

    name: ClassVar[str] = "cnn"
    forms: ClassVar[Mapping[Kind, str]] = {
        "binary": "Tokens",
        "multiclass": "Tokens",
        "multilabel": "Tokens",
        "regression": "Tokens",
        "tagging": "Tokens",
    }
    kinds: ClassVar[frozenset[Kind]] = frozenset(forms)

    embedding: int = 64
    widths: tuple[int, ...] = (1, 3, 5)
    channels: int = 64
    buckets: int = TokenFeatures.buckets
    max_length: int = TokenFeatures.max_length
    dropout: float = 0.3
    join: int = 64

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        check_widths(
            {
                "embedding": self.embedding,
                "widths": self.widths,
                "channels": self.channels,
                "buckets": self.buckets,
                "max_length": self.max_length,
                "join": self.join,
            }
        )
        if any(width % 2 == 0 for width in self.widths):
            raise ValueError("widths must be odd, so that every word has a state")
        check_dropout(self.dropout)

    @property
    def features(self) -> TokenFeatures:
        """Hashed words in order."""
        return TokenFeatures(buckets=self.buckets, max_length=self.max_length)

    def build(self, layouts: Sequence[Layout], kinds: Sequence[Kind]) -> "CnnEncoder":
        """The encoder; its layers are the same whatever the tasks."""
        return CnnEncoder(self, layouts, per_token=[KINDS[kind].per_token for kind in kinds])


class CnnEncoder(Encoder):
    """See `Cnn`."""

    def __init__(self, config: Cnn, layouts: Sequence[Layout], *, per_token: Sequence[bool]) -> None:
        super().__init__()
        self.table = hash_table(max(layout.buckets for layout in layouts), config.embedding, std=_STD)
        self.filters = nn.ModuleList(
            nn.Conv1d(config.embedding, config.channels, width, padding=width // 2) for width in config.widths
        )
        self.dropout = nn.Dropout(config.dropout)
        self.per_token = list(per_token)
        self.gutter = max(config.widths) // 2
        self.states = config.channels * len(config.widths)

    def forward(self, inputs: Tokens[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations: max and mean over the row's words [B, 2 S], or the words' states [tokens, S].

        A row without words is represented by zeros.
        """
        lengths = inputs.offsets.diff()
        row = torch.repeat_interleave(torch.arange(len(lengths), device=lengths.device), lengths)
        states = self._convolve(self._embed(inputs.ids), row=row, rows=len(lengths))
        wanted = {self.per_token[task] for task in tasks}
        made = {by_token: self.dropout(states if by_token else _pool(states, inputs.offsets)) for by_token in wanted}
        return tuple(made[self.per_token[task]] for task in tasks)

    def width(self, task: int) -> int:
        """Width of the states, twice that where they are pooled."""
        return self.states if self.per_token[task] else 2 * self.states

    def parts(self, task: int) -> tuple[nn.Module, ...]:  # noqa: ARG002 - the same for every task
        """The hash table, then the filters."""
        return (self.table, self.filters)

    def _embed(self, ids: Tensor) -> Tensor:
        tokens, hashes = ids.shape
        offsets = torch.arange(0, (tokens + 1) * hashes, hashes, device=ids.device)
        words: Tensor = self.table(ids.flatten(), offsets)
        return words

    def _convolve(self, words: Tensor, *, row: Tensor, rows: int) -> Tensor:
        """States [tokens, S] of words [tokens, E] that lie in the given rows [tokens]."""
        at = torch.arange(len(row), device=row.device) + (row + 1) * self.gutter
        line = words.new_zeros(len(words) + (rows + 1) * self.gutter, words.shape[1])
        line = line.index_copy(0, at, words).T.unsqueeze(0)
        convolved = torch.cat([conv(line) for conv in self.filters], dim=1).squeeze(0)
        return convolved.T[at].relu()


def _pool(states: Tensor, offsets: Tensor) -> Tensor:
    """Maximum and mean [B, 2 S] over each row's states [tokens, S] >= 0; zeros for a row without words."""
    lengths = offsets.diff().clamp(min=1).unsqueeze(1)
    largest = torch.segment_reduce(states, "max", offsets=offsets, axis=0, initial=0.0)
    total = torch.segment_reduce(states, "sum", offsets=offsets, axis=0)
    return torch.cat([largest, total / lengths], dim=1)

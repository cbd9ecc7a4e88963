"""What becomes of a pretrained encoder's states."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ray_mtlkd.data.features import Pooling
from ray_mtlkd.data.inputs import Pieces
from ray_mtlkd.models.encoders.base import Ending


class PieceEnding(Ending):
    """A text is the pool of its pieces' states; a tagger reads the states of its words' first pieces.

    What has no piece is represented by zeros.

    Args:
        per_token: Whether each task reads states of words [T].
        pooling: How a text's pieces become one vector: their mean, or the first one.
        dropout: Of the representations.
    """

    def __init__(self, per_token: Sequence[bool], *, pooling: Pooling, dropout: float) -> None:
        super().__init__()
        self.per_token = list(per_token)
        self.pooling: Pooling = pooling
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, inputs: Pieces[Tensor], tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Texts [B, S] or words [tokens, S] of states [pieces, S]."""
        wanted = {self.per_token[task] for task in tasks}
        made = {
            by_token: self.dropout(words(states, inputs) if by_token else pooled(states, inputs, self.pooling))
            for by_token in wanted
        }
        return tuple(made[self.per_token[task]] for task in tasks)

    def of(self, task: int) -> "PieceEnding":
        """The same for this task alone."""
        return PieceEnding([self.per_token[task]], pooling=self.pooling, dropout=self.dropout.p)


def pooled(states: Tensor, inputs: Pieces[Tensor], pooling: Pooling) -> Tensor:
    """Mean or first state of each row [B, S]."""
    lengths = inputs.offsets.diff().unsqueeze(1)
    if pooling == "cls":
        return _picked(states, inputs.offsets[:-1], is_there=lengths.squeeze(1) > 0)
    total = torch.segment_reduce(states, "sum", offsets=inputs.offsets, axis=0)
    return total / lengths.clamp(min=1)


def words(states: Tensor, inputs: Pieces[Tensor]) -> Tensor:
    """State of each word's first piece [tokens, S]."""
    if inputs.words is None:
        raise ValueError("these rows have no words")
    first = inputs.words
    starts = torch.repeat_interleave(inputs.offsets[:-1], first.offsets.diff(), output_size=len(first.places))
    return _picked(states, starts + first.places, is_there=first.places >= 0)


def _picked(states: Tensor, at: Tensor, *, is_there: Tensor) -> Tensor:
    """States at some places, zeros where there is none."""
    if not len(states):
        return states.new_zeros(len(at), states.shape[1])
    found = states.index_select(0, at.clamp(min=0, max=len(states) - 1))
    return found * is_there.unsqueeze(1)

"""What a task owns of a model: the head, and for pairs the layer that joins the two sides."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ray_mtlkd.models.encoders.layers import Layer
from ray_mtlkd.tasks.kinds import KINDS, start
from ray_mtlkd.tasks.task import Task


class Head(nn.Module):
    """Representations to raw outputs: [B] for binary and regression, else [B, K] or [tokens, K].

    Starts near the best constant predictor: its biases are that predictor's outputs.
    """

    def __init__(self, task: Task, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, task.outputs)
        with torch.no_grad():
            self.linear.bias.copy_(torch.tensor(start(task)))
        self.is_scalar = KINDS[task.kind].is_scalar

    def forward(self, representations: Tensor) -> Tensor:
        """Outputs of representations [N, width]."""
        return self.shaped(self.linear(representations))

    def shaped(self, outputs: Tensor) -> Tensor:
        """Outputs [N, K] of the linear layer as the task's kind has them."""
        return outputs.squeeze(1) if self.is_scalar else outputs


def read_together(heads: Sequence[Head], representations: Sequence[Tensor]) -> list[Tensor]:
    """Outputs of every head on what it reads [A]; heads that read the same tensor go through one matrix product."""
    readers: dict[int, list[int]] = defaultdict(list)
    for at, representation in enumerate(representations):
        readers[id(representation)].append(at)
    outputs: dict[int, Tensor] = {}
    for together in readers.values():
        if len(together) == 1:
            (at,) = together
            outputs[at] = heads[at](representations[at])
            continue
        layers = [heads[at].linear for at in together]
        weight, bias = torch.cat([layer.weight for layer in layers]), torch.cat([layer.bias for layer in layers])
        found = functional.linear(representations[together[0]], weight, bias)
        parts = found.split([layer.out_features for layer in layers], dim=1)
        outputs.update((at, heads[at].shaped(part)) for at, part in zip(together, parts, strict=True))
    return [outputs[at] for at in range(len(heads))]


_SIDES_DROPOUT = 0.5
"""Of the units of both sides: pairs share their records, and a layer that sees all units learns records by heart."""


class PairJoin(nn.Module):
    """Two sides to one representation: a layer over (a, b, |a - b|, a * b), a layer over the overlap, the overlap.

    The overlap has its own way to the head: among many units of both sides it weighs little at first. The sides are
    normalised, so that their layer stays alive at high learning rates.
    """

    def __init__(self, sides: int, overlap: int, *, width: int, dropout: float) -> None:
        super().__init__()
        drop = nn.Dropout(_SIDES_DROPOUT if dropout else 0.0)
        self.sides = nn.Sequential(nn.LayerNorm(4 * sides), drop, Layer(4 * sides, width, dropout=dropout))
        self.overlap = Layer(overlap, width, dropout=dropout)
        self.width = 2 * width + overlap

    def forward(self, left: Tensor, right: Tensor, overlap: Tensor) -> Tensor:
        """Representations [B, self.width] of left and right [B, sides] and overlap [B, K]."""
        joined = self.sides(torch.cat([left, right, (left - right).abs(), left * right], dim=1))
        return torch.cat([joined, self.overlap(overlap), overlap], dim=1)

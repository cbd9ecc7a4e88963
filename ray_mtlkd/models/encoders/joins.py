"""What makes one representation of several: of the two sides of a pair, of inputs of several sorts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ray_mtlkd.models.encoders.layers import Layer

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


class PartJoin(nn.Module):
    """Representations of several sorts of inputs to one: a layer over all of them, each normalised.

    So no sort drowns another, whatever the scale of what its encoder makes.
    """

    def __init__(self, widths: Sequence[int], *, width: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(each) for each in widths)
        self.layer = Layer(sum(widths), width, dropout=dropout)
        self.width = width

    def forward(self, *parts: Tensor) -> Tensor:
        """Representations [B, width] of one [B, W] a sort."""
        joined: Tensor = self.layer(
            torch.cat([norm(part) for norm, part in zip(self.norms, parts, strict=True)], dim=1)
        )
        return joined

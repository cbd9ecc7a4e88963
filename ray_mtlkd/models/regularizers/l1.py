"""Few weights that are not zero."""

from typing import ClassVar

import torch
from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.sharing.base import MultitaskModel, sparse_tables
from ray_mtlkd.ranges import PositiveFloat


@document
class L1:
    """The lasso (Tibshirani 1996), by its proximal step (Daubechies et al. 2004, arXiv:math/0307152).

        strength · Σ |w|,    w ← sign(w) max(|w| - step · strength, 0)

    over all dense weights but biases, so that many are exactly 0. Under AdamW a weight moves by about the learning rate
    a step, whatever its gradient, so that a strength of 1 would hold any weight at 0.

    Attributes:
        strength: Above 0; 1e-3 to 1e-1.
    """

    name: ClassVar[str] = "l1"

    strength: PositiveFloat = 0.01

    def penalty(self, model: MultitaskModel) -> None:
        """None: it is proximal."""

    @torch.no_grad()
    def shrink(self, model: MultitaskModel, *, step: float) -> None:
        """Cut that much off every weight."""
        for weight in _weights(model):
            weight.copy_(torch.nn.functional.softshrink(weight, step * self.strength))

    @torch.no_grad()
    def value(self, model: MultitaskModel) -> Tensor:
        """The sum of all sizes."""
        return self.strength * torch.stack([weight.abs().sum() for weight in _weights(model)]).sum()


def _weights(model: MultitaskModel) -> list[Tensor]:
    """Dense ones that are learned."""
    tables = {id(table) for table in sparse_tables(model).values()}
    return [p for p in model.parameters() if p.ndim > 1 and p.requires_grad and id(p) not in tables]

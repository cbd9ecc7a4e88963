"""Features that all tasks use, or none does."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.regularizers.task_matrix import by_inputs
from ray_mtlkd.models.sharing.base import MultitaskModel
from ray_mtlkd.ranges import PositiveFloat


@document
class BlockSparse:
    """The l1/lq norm of the heads' weights: Obozinski et al. 2010 (q = 2), Negahban and Wainwright 2008 (q = inf).

        strength · Σ_j ‖w_j‖_q

    w_j are the weights of all heads on feature j of what they read; heads that read as many features go together. The
    proximal step of q = 2 is w_j ← max(1 - step · strength / ‖w_j‖, 0) w_j. That of q = inf is what is left of w_j
    after its projection onto the l1 ball of radius step · strength (Moreau; Duchi et al. 2008 for the projection).
    Either makes whole groups exactly 0. Under AdamW a weight moves by about the learning rate a step, so a strength of
    the root of the number of weights in a group (q = 2), or of this number, would hold any group at 0; one of about
    half of that holds those that only chance moves.

    Attributes:
        strength: Above 0; 1e-2 to 1.
        q: Norm of a group.
    """

    name: ClassVar[str] = "block_sparse"

    strength: PositiveFloat = 0.1
    q: Literal["2", "inf"] = "2"

    def penalty(self, model: MultitaskModel) -> None:
        """None: it is proximal."""

    @torch.no_grad()
    def shrink(self, model: MultitaskModel, *, step: float) -> None:
        """Cut that much off every group's norm."""
        shrunk = {"2": _shrink_2, "inf": _shrink_inf}[self.q]
        for weights in by_inputs(model):
            columns = shrunk(torch.cat(list(weights)), step * self.strength)
            for weight, part in zip(weights, torch.split(columns, [len(weight) for weight in weights]), strict=True):
                weight.copy_(part)

    @torch.no_grad()
    def value(self, model: MultitaskModel) -> Tensor:
        """The sum of the groups' norms; 0 where no head is a task's own."""
        groups = [torch.cat(list(weights)) for weights in by_inputs(model)]
        norms = [torch.linalg.vector_norm(columns, ord=float(self.q), dim=0).sum() for columns in groups]
        return self.strength * sum(norms, start=torch.zeros(()))


def _shrink_2(columns: Tensor, radius: float) -> Tensor:
    """Columns [n, groups], their Euclidean norms less ``radius``."""
    norms = torch.linalg.vector_norm(columns, dim=0)
    kept: Tensor = (1.0 - radius / norms).clamp(min=0.0).nan_to_num(nan=0.0)
    return columns * kept


def _shrink_inf(columns: Tensor, radius: float) -> Tensor:
    """Columns [n, groups] less their projections onto the l1 ball of ``radius``: the largest weights cut to a level."""
    sizes = columns.abs()
    descending = sizes.sort(dim=0, descending=True).values
    ranks = torch.arange(1, len(columns) + 1, device=columns.device).unsqueeze(1)
    levels = (descending.cumsum(0) - radius) / ranks
    # the level at which what is above it sums to the radius; below 0 where the whole column does not
    level = levels.gather(0, ((descending > levels).sum(0, keepdim=True) - 1).clamp(min=0)).clamp(min=0.0)
    return columns.sign() * torch.minimum(sizes, level)

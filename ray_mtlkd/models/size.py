"""How many parameters a model has."""

from typing import NamedTuple

from torch import nn

from ray_mtlkd.models.encoders.pretrained import held


class ParameterCounts(NamedTuple):
    """Of one model; what several of its parts share counts once.

    Attributes:
        total: What a copy of it holds.
        trained: Those of them that train.
    """

    total: int
    trained: int


def count_parameters(model: nn.Module) -> ParameterCounts:
    """Of a model as it was built to train."""
    own = list(model.parameters())
    stays = sum(tensor.numel() for tensor in held(model).values())
    return ParameterCounts(
        total=sum(p.numel() for p in own) + stays, trained=sum(p.numel() for p in own if p.requires_grad)
    )

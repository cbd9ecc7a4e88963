"""A moving average of the parameters: mostly better than the parameters themselves, which still follow each batch.

    average  <-  d average + (1 - d) parameters,   d = min(decay, (1 + n) / (10 + n)) after n steps

Polyak and Juditsky 1992; the rising decay keeps the first average from staying near the initial values.
"""

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from ray_mtlkd.models.build import MultitaskModel

Tensors = tuple[Tensor, ...] | list[Tensor]


def averaged(model: MultitaskModel, decay: float) -> AveragedModel:
    """The average, which starts as the parameters after the first step; ``decay`` in [0, 1)."""

    def average(averages: Tensors, present: Tensors, steps: Tensor | int) -> None:
        n = int(steps)
        torch._foreach_lerp_(averages, present, 1.0 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(model, multi_avg_fn=average)

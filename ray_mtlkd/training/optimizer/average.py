"""A moving average of the parameters: mostly better than the parameters themselves, which still follow each batch.

    average  <-  d average + (1 - d) parameters,   d = min(decay, (1 + n) / (10 + n)) after n steps

Polyak and Juditsky 1992; the rising decay keeps the first average from staying near the initial values.
"""

import torch
from torch import Tensor

from ray_mtlkd.models.encoders.pretrained import copied
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.torch_private import move_each


class Average:
    """The average, which starts as the parameters after the first step.

    torch's ``AveragedModel`` counts its steps on the model's device, where a GPU would have to be asked each time.

    Attributes:
        model: Holds the average.
        steps: So far.
    """

    def __init__(self, model: MultitaskModel, decay: float) -> None:
        self.model = copied(model).requires_grad_(requires_grad=False)
        self.steps = 0
        self._decay = decay
        self._averages: list[Tensor] = list(self.model.parameters())
        self._present: list[Tensor] = list(model.parameters())

    @torch.no_grad()
    def update(self) -> None:
        """Take in the parameters after one more step."""
        n = self.steps
        decay = min(self._decay, (1 + n) / (10 + n)) if n else 0.0
        move_each(self._averages, self._present, 1.0 - decay)
        self.steps += 1

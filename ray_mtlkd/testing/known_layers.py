"""An encoder some of whose layers do not train, and what they make is known, as with a pretrained one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ray_mtlkd.data.features import DenseFeatures, Layout
from ray_mtlkd.models.encoders.base import EncoderLayer, Ending, Forms, LayeredEncoder
from ray_mtlkd.models.encoders.layers import HiddenLayer

LAYERS = 3


@dataclass(frozen=True, kw_only=True)
class KnownLayers:
    """Three layers.

    Attributes:
        held: How many do not train, from the inputs on.
        known: Whether the first gives what all of these make, and the others of them pass it on.
    """

    name: ClassVar[str] = "known"
    forms: ClassVar[Mapping[str, str]] = Forms(rows="Dense", tokens=None)
    join: ClassVar[int] = 4
    dropout: ClassVar[float] = 0.0
    features: ClassVar[DenseFeatures] = DenseFeatures(bins=0)

    held: int
    known: bool

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> LayeredEncoder:  # noqa: ARG002
        """The same layers for all tasks, as wide as the inputs."""
        width = layouts[0].width
        draw = torch.Generator().manual_seed(0)
        matrices = [torch.randn(width, width, generator=draw, device="cpu") for _ in range(self.held)]
        spans = [matrices, *([] for _ in matrices[1:])] if self.known else [[matrix] for matrix in matrices]
        trained = (HiddenLayer(width, width, dropout=0.0) for _ in range(LAYERS - self.held))
        return LayeredEncoder([*(_HeldLayer(span, width) for span in spans), *trained], Ending())


class _HeldLayer(EncoderLayer):
    """Goes through some matrices that do not train."""

    def __init__(self, matrices: Sequence[Tensor], width: int) -> None:
        super().__init__()
        self.matrices = list(matrices)
        self.width = width

    def forward(self, states: Tensor | None, inputs: Any, task: int) -> Tensor:  # noqa: ARG002
        """States of the states below, or of the rows."""
        found: Tensor = inputs.values if states is None else states
        for matrix in self.matrices:
            found = (found @ matrix).tanh()
        return found

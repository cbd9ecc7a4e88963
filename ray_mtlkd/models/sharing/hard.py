"""Hard parameter sharing (Caruana 1997): one encoder for all tasks, a head for each."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderConfig, Stages
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder


@document
class HardSharing:
    """Every task goes through the same encoder; heads, joins and input layers of other columns are its own."""

    name: ClassVar[str] = "hard"
    whole_layers: ClassVar[int | None] = None

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "HardSharingModel":
        """One encoder, a head a task."""
        return HardSharingModel(encoder, tasks)


class HardSharingModel(HeadedModel):
    """See `HardSharing`."""

    def __init__(self, config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(len(tasks))
        self.encoder = build_encoder(config, tasks)
        self.add_heads(tasks, [self.encoder.width(task) for task in range(len(tasks))], config)

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """The encoder's representation."""
        return [(representation,) for representation in self.encoder(inputs, tasks)]

    def uses_to_represent(self, task: int) -> Stages:
        """The encoder's parts."""
        return self.encoder.stages(task)

"""Hard sharing of the lower layers, soft sharing of the upper ones."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderConfig, EncoderLayer, LayeredEncoder, Stages
from ray_mtlkd.models.sharing.headed import Tasks, build_layers, check_depth
from ray_mtlkd.models.sharing.soft import Norm, SoftModel
from ray_mtlkd.ranges import NaturalInt, NonNegativeFloat


@document
class Hybrid:
    """The two ways of Ruder 2017 (arXiv:1706.05098, section 3) in one network, cut at a layer.

    With no hard layer it is `soft`, with all of them `hard`.

    Attributes:
        split: How many layers are hard, from the inputs on: 0 up to the encoder's depth.
        norm: Of the penalty on the layers above; see `soft`.
        strength: Of this penalty.
    """

    name: ClassVar[str] = "hybrid"
    whole_layers: ClassVar[int | None] = None

    split: NaturalInt = 1
    norm: Norm = "l2"
    strength: NonNegativeFloat = 0.01

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "HybridModel":
        """Shared layers, and layers and a head a task.

        Raises:
            MtlkdError: where the encoder has no layers, or fewer.
        """
        lower: tuple[EncoderLayer, ...] = ()
        networks: list[LayeredEncoder] = []
        if self.split:
            shared = build_layers(encoder, tasks)
            check_depth(self.split, shared.sequence, where="sharing.split")
            lower = shared.sequence[: self.split]
            if self.split == len(shared.sequence):
                networks = [LayeredEncoder((), shared.ending.of(task)) for task in range(len(tasks))]
        for pair in () if networks else tasks:
            own = build_layers(encoder, [pair])
            networks.append(LayeredEncoder(own.sequence[self.split :], own.ending))
        model = HybridModel(lower, networks, tasks, norm=self.norm, strength=self.strength)
        states = [(*lower, *network.sequence)[-1].width for network in networks]
        model.add_heads(
            tasks, [network.ending.width(0, width) for network, width in zip(networks, states, strict=True)], encoder
        )
        return model


class HybridModel(SoftModel):
    """See `Hybrid`; the heads are to be added."""

    def __init__(
        self,
        lower: Sequence[EncoderLayer],
        networks: Sequence[LayeredEncoder],
        tasks: Tasks,
        *,
        norm: Norm,
        strength: float,
    ) -> None:
        super().__init__(networks, tasks, norm=norm, strength=strength)
        self.lower = nn.ModuleList(lower)
        if lower:
            self.columns = [()] * len(tasks)

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What each task's network makes of the shared layers' states."""
        states = None
        for layer in self.lower:
            states = layer(states, inputs, tasks[0])
        return [self.of(task).above(states, inputs, [0]) for task in tasks]

    def uses_to_represent(self, task: int) -> Stages:
        """The shared layers, then the task's network."""
        shared = (part for layer in self.lower for part in cast(EncoderLayer, layer).parts(task))
        return (*((part,) for part in shared), *super().uses_to_represent(task))

    def of(self, task: int) -> LayeredEncoder:
        """The task's network."""
        return cast(LayeredEncoder, self.networks[task])

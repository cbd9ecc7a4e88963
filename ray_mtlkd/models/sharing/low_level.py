"""Supervision of simple tasks at lower layers, so that tasks above build on what they learn."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, ClassVar

from torch import Tensor

from ray_mtlkd.decode import document, join
from ray_mtlkd.models.encoders.base import EncoderConfig, Stages
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_layers, check_depth
from ray_mtlkd.ranges import PositiveInt


@document
class LowLevel:
    """Søgaard and Goldberg 2016 (ACL, P16-2038), section 2: the head of task t reads the states of layer l_t.

    Layers above l_t have no gradient of t. Tasks at the last layer share as in hard sharing.

    Attributes:
        layers: The layer of each task by its name, from 1 up to the encoder's depth; tasks that are not named are
            supervised at the last one. A model of some of the tasks lets the others be.
    """

    name: ClassVar[str] = "low_level"

    layers: Mapping[str, PositiveInt] = field(default_factory=dict)

    def __hash__(self) -> int:
        """Of what it says, as of any architecture."""
        return hash(tuple(sorted(self.layers.items())))

    def named(self) -> Mapping[str, str]:
        """Whose layers are given."""
        return {join("layers", name): name for name in self.layers}

    @property
    def whole_layers(self) -> int | None:
        """Up to the lowest one that a head reads."""
        return min(self.layers.values(), default=None)

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "LowLevelModel":
        """One encoder, a head a task.

        Raises:
            MtlkdError: where there is no such layer, or the encoder has none.
        """
        return LowLevelModel(self.layers, encoder, tasks)


class LowLevelModel(HeadedModel):
    """See `LowLevel`."""

    def __init__(self, layers: Mapping[str, int], config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(len(tasks))
        self.encoder = build_layers(config, tasks)
        sequence = self.encoder.sequence
        names = [task.name for task, _ in tasks]
        for name, layer in layers.items():
            check_depth(layer, sequence, where=join("sharing.layers", name))
        self.depths = [layers.get(name, len(sequence)) for name in names]
        widths = [self.encoder.ending.width(task, sequence[depth - 1].width) for task, depth in enumerate(self.depths)]
        self.add_heads(tasks, widths, config)

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What the ending makes of each task's layer."""
        states, found = None, dict[int, tuple[Tensor, ...]]()
        for depth, layer in enumerate(self.encoder.sequence[: max(self.depths[task] for task in tasks)], start=1):
            states = layer(states, inputs, tasks[0])
            here = [task for task in tasks if self.depths[task] == depth]
            ended = self.encoder.ending(states, inputs, here) if here else ()
            found |= {task: (representation,) for task, representation in zip(here, ended, strict=True)}
        return [found[task] for task in tasks]

    def uses_to_represent(self, task: int) -> Stages:
        """The ending's parts, then the layers up to the task's."""
        layers = self.encoder.sequence[: self.depths[task]]
        parts = (*self.encoder.ending.parts(task), *(part for layer in layers for part in layer.parts(task)))
        return tuple((part,) for part in parts)

"""Cross-stitch networks: a network a task, and after each layer a learned linear mixture of all of them."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import EncoderConfig, EncoderLayer, Ending, Stages
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_layers
from ray_mtlkd.ranges import PositiveFloat, UnitInterval

Read = Literal["last", "mixed", "joined"]


@document
class CrossStitch:
    """Misra et al. 2016 (arXiv:1604.03539), equation 1, after each layer of T networks, for T tasks.

        x̃_t = Σ_s a_ts x_s

    One unit a [T, T] after each layer. The paper starts it with much of the task's own network and little of the
    others, and gives it a learning rate of 100 to 1000 times the networks' under SGD. AdamW's steps do not grow with
    gradients, so a factor of 1 to 30 does here. What is learned is the difference to the start, so that weight decay
    pulls there.

    Attributes:
        own: a_tt at the start, in [0, 1]; the other networks share the rest. With 1 the networks start separate.
        rate: Factor on the units' learning rate.
    """

    name: ClassVar[str] = "cross_stitch"
    whole_layers: ClassVar[int | None] = 1

    own: UnitInterval = 0.9
    rate: PositiveFloat = 10.0

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "StitchedModel":
        """A network and a head a task.

        Raises:
            MtlkdError: where the encoder has no layers.
        """
        return StitchedModel(encoder, tasks, own=self.own, rate=self.rate)


class StitchUnit(nn.Module):
    """A linear mixture of all networks' subspaces.

    Args:
        start: a at the start [rows, networks * subspaces].
    """

    start: Tensor

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.register_buffer("start", start, persistent=False)
        self.change = nn.Parameter(torch.zeros_like(start))

    def forward(self, states: Tensor) -> Tensor:
        """Mixtures [N, rows, width] of states [N, networks * subspaces, width]."""
        return (self.start + self.change) @ states


class StitchedModel(HeadedModel):
    """See `CrossStitch`; with subspaces and a mixture of layers it is a sluice network.

    Args:
        config: Of every network.
        tasks: T.
        own: See `CrossStitch`.
        rate: See `CrossStitch`.
        subspaces: G; they divide the width of every layer.
        read: Whether a head reads the last layer, a mixture of those of its width, or all end to end.

    Raises:
        MtlkdError: where the encoder has no layers, or layers that do not divide into so many subspaces.
    """

    def __init__(
        self,
        config: EncoderConfig,
        tasks: Tasks,
        *,
        own: float,
        rate: float,
        subspaces: int = 1,
        read: Read = "last",
    ) -> None:
        super().__init__(len(tasks))
        self.subspaces, self.rate, self.joins_layers = subspaces, rate, read == "joined"
        encoders = [build_layers(config, tasks) for _ in tasks]
        self.networks = nn.ModuleList(encoder.layers for encoder in encoders)
        self.endings = nn.ModuleList(encoder.ending.of(task) for task, encoder in enumerate(encoders))
        widths = [layer.width for layer in encoders[0].sequence]
        _check_subspaces(subspaces, widths)
        self.read_layers = [at for at, width in enumerate(widths) if read == "joined" or width == widths[-1]]
        if read == "last":
            self.read_layers = self.read_layers[-1:]
        states = sum(widths[at] for at in self.read_layers) if self.joins_layers else widths[-1]
        self.add_heads(tasks, [cast(Ending, ending).width(0, states) for ending in self.endings], config)
        start = _start(len(tasks) * subspaces, own)
        self.units = nn.ModuleList(StitchUnit(start) for _ in widths[:-1])
        self.last_units = nn.ModuleList(StitchUnit(rows) for rows in torch.split(start, subspaces))
        mixes = len(self.read_layers) > 1 and not self.joins_layers
        layers = _start(len(self.read_layers), 0.9)[-1:]
        self.layer_units = nn.ModuleList(StitchUnit(layers) for _ in tasks) if mixes else None

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What the endings make of the networks' states."""
        states: Sequence[Any] = [None] * self.num_tasks
        seen: list[Sequence[Tensor]] = []
        for at, layers in enumerate(zip(*self._layers(), strict=True)):
            said = [layer(state, inputs, tasks[0]) for layer, state in zip(layers, states, strict=True)]
            units = [self.units[at]] if at < len(self.units) else [self.last_units[task] for task in tasks]
            states = self._mixed(said, units)
            if at in self.read_layers:
                seen.append(states if at == len(self.units) else [states[task] for task in tasks])
        found = []
        for task, read in zip(tasks, zip(*seen, strict=True), strict=True):
            found.append(self.endings[task](self._over_layers(task, read), inputs, [0]))
        return found

    def uses_to_represent(self, task: int) -> Stages:
        """All networks side by side, with the units of each layer; then the task's own units and ending."""
        stages = [
            tuple(part for layer in layers for part in layer.parts(task))
            for layers in zip(*self._layers(), strict=True)
        ]
        stages = [(*parts, unit) for parts, unit in zip(stages[:-1], self.units, strict=True)] + stages[-1:]
        own = [self.last_units[task], *([] if self.layer_units is None else [self.layer_units[task]])]
        return (*stages, *((part,) for part in (*own, *cast(Ending, self.endings[task]).parts(0))))

    def rates(self) -> dict[nn.Parameter, float]:
        """Beside those of layers, the units' own."""
        return super().rates() | {
            p: self.rate for module in self.modules() if isinstance(module, StitchUnit) for p in module.parameters()
        }

    def _layers(self) -> list[tuple[EncoderLayer, ...]]:
        """Of each network."""
        return [tuple(cast(EncoderLayer, layer) for layer in cast(nn.ModuleList, net)) for net in self.networks]

    def _mixed(self, said: Sequence[Tensor], units: Sequence[nn.Module]) -> list[Tensor]:
        """What the units make of all networks' states [N, W]: a mixture [N, W] for each task that they are of."""
        stacked = torch.stack(list(said), dim=1)
        parts = stacked.view(len(stacked), -1, stacked.shape[2] // self.subspaces)
        mixed = torch.cat([unit(parts) for unit in units], dim=1)
        return list(mixed.view(len(stacked), -1, stacked.shape[2]).unbind(1))

    def _over_layers(self, task: int, states: Sequence[Tensor]) -> Tensor:
        if self.joins_layers:
            return torch.cat(list(states), dim=1)
        if self.layer_units is None:
            return states[-1]
        mixed: Tensor = self.layer_units[task](torch.stack(list(states), dim=1)).squeeze(1)
        return mixed


def _check_subspaces(number: int, widths: Sequence[int]) -> None:
    for width in widths:
        if width % number:
            raise MtlkdError(
                f"{number} subspaces of a layer of width {width}",
                where="sharing.subspaces",
                fix="give a number that divides the width of each of the encoder's layers",
            )


def _start(size: int, own: float) -> Tensor:
    """Shares [size, size]: ``own`` of each itself, and of the others alike."""
    if size == 1:
        return torch.ones(1, 1)
    others = (1.0 - own) / (size - 1)
    return torch.full((size, size), others).fill_diagonal_(own)

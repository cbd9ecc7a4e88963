"""Adapters: one encoder for all tasks, and a few parameters a task that change what it does."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from torch import Tensor, nn
from torch.func import functional_call

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, LayeredEncoder, Stages
from ray_mtlkd.models.encoders.layers import LowRank
from ray_mtlkd.models.sharing.base import sparse_tables
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder, build_layers
from ray_mtlkd.ranges import PositiveInt

Form = Literal["bottleneck", "lora", "shared_lora"]


@document
class Adapters:
    """Hard sharing that a task changes a little.

    `bottleneck` is Houlsby et al. 2019 (arXiv:1902.00751), section 2.1, after each layer of the encoder:

        h + U_t relu(D_t h)

    `lora` is Hu et al. 2021 (arXiv:2106.09685), equation 3, in place of each dense weight matrix W of the encoder:

        W + B_t A_t

    `shared_lora` has one B A for all tasks, which at a larger rank is said to do as well (arXiv:2508.05078). U and B
    start at 0, so that training starts from hard sharing. Tasks then differ from the first layer on, and a step of
    theirs runs the encoder once for each.

    Attributes:
        form: Which of the three.
        rank: Width of D and A; 1 or more, well below the layers' widths.
        freeze: Whether the encoder stays as it is drawn, and adapters and heads alone are trained.
    """

    name: ClassVar[str] = "adapters"

    form: Form = "bottleneck"
    rank: PositiveInt = 4
    freeze: bool = False

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "BottleneckModel | LowRankModel":
        """One encoder, adapters and a head a task.

        Raises:
            MtlkdError: where a bottleneck would follow layers, and the encoder has none.
        """
        if self.form == "bottleneck":
            return BottleneckModel(encoder, tasks, rank=self.rank, freeze=self.freeze)
        apart = self.form == "lora"
        return LowRankModel(encoder, tasks, rank=self.rank, freeze=self.freeze, apart=apart)


class Bottleneck(nn.Module):
    """h + U relu(D h)."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, rank), nn.Linear(rank, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Of states [N, width]."""
        return states + cast(Tensor, self.up(self.down(states).relu()))


class AdaptedModel(HeadedModel):
    """One encoder that may be frozen, what adapts it to each task, and heads."""

    encoder: Encoder

    def __init__(self, encoder: Encoder, config: EncoderConfig, tasks: Tasks, *, freeze: bool) -> None:
        super().__init__(len(tasks))
        self.encoder = encoder.requires_grad_(not freeze)
        self.freeze = freeze
        self.add_heads(tasks, [encoder.width(task) for task in range(len(tasks))], config)

    @abstractmethod
    def adapters_of(self, task: int) -> Sequence[nn.Module]:
        """What adapts the encoder to the task."""

    def uses_to_represent(self, task: int) -> Stages:
        """What adapts the encoder, and the encoder where it is trained."""
        adapters = tuple((module,) for module in self.adapters_of(task))
        return adapters if self.freeze else (*adapters, *self.encoder.stages(task))


class BottleneckModel(AdaptedModel):
    """See `Adapters`."""

    encoder: LayeredEncoder

    def __init__(self, config: EncoderConfig, tasks: Tasks, *, rank: int, freeze: bool) -> None:
        super().__init__(build_layers(config, tasks), config, tasks, freeze=freeze)
        self.adapters = nn.ModuleList(
            nn.ModuleList(Bottleneck(layer.width, rank) for layer in self.encoder.sequence) for _ in tasks
        )

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What the ending makes of each task's states."""
        found = []
        for task in tasks:
            states = None
            for layer, adapter in zip(self.encoder.layers, self.adapters_of(task), strict=True):
                states = adapter(layer(states, inputs, task))
            found.append(self.encoder.ending(states, inputs, [task]))
        return found

    def adapters_of(self, task: int) -> Sequence[nn.Module]:
        """One after each layer."""
        return list(cast(nn.ModuleList, self.adapters[task]))


class LowRankModel(AdaptedModel):
    """See `Adapters`; with ``apart`` each task has low-rank matrices of its own.

    Attributes:
        matrices: Of each task the names of the encoder's weights that it uses and that are adapted [T].
    """

    def __init__(self, config: EncoderConfig, tasks: Tasks, *, rank: int, freeze: bool, apart: bool) -> None:
        super().__init__(build_encoder(config, tasks), config, tasks, freeze=freeze)
        tables = {id(table) for table in sparse_tables(self.encoder).values()}
        named = {name: p for name, p in self.encoder.named_parameters() if p.ndim > 1 and id(p) not in tables}
        self.matrices = []
        for task in range(len(tasks)):
            used = {id(p) for part in self.encoder.parts(task) for p in part.parameters()}
            self.matrices.append([name for name, p in named.items() if id(p) in used])
        self.owners = [str(task) if apart else "all" for task in range(len(tasks))]
        keys = {
            _key(owner, name): name for owner, names in zip(self.owners, self.matrices, strict=True) for name in names
        }
        self.updates = nn.ModuleDict({key: LowRank(named[name], rank) for key, name in keys.items()})

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """The encoder with the weights of each task; run once for tasks that have the same."""
        apart: dict[str, list[int]] = {}
        for task in tasks:
            apart.setdefault(self.owners[task], []).append(task)
        found = dict[int, Tensor]()
        for readers in apart.values():
            changed = functional_call(self.encoder, self._weights(readers[0]), (inputs, readers))
            found |= dict(zip(readers, changed, strict=True))
        return [(found[task],) for task in tasks]

    def adapters_of(self, task: int) -> Sequence[nn.Module]:
        """One for each matrix that it uses."""
        return [self.updates[_key(self.owners[task], name)] for name in self.matrices[task]]

    def _weights(self, task: int) -> dict[str, Tensor]:
        names = self.matrices[task]
        weights = (self.encoder.get_parameter(name) for name in names)
        return {
            name: update(weight) for name, update, weight in zip(names, self.adapters_of(task), weights, strict=True)
        }


def _key(owner: str, name: str) -> str:
    return f"{owner}:{name.replace('.', '/')}"

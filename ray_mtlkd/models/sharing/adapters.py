"""Adapters: one encoder for all tasks, and a few parameters a task that change what it does."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Literal, cast

from torch import Tensor, nn
from torch.func import functional_call

from ray_mtlkd.decode import document
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, LayeredEncoder, Stages
from ray_mtlkd.models.encoders.layers import LowRank
from ray_mtlkd.models.encoders.pretrained import tensors_from_weights
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

    also of a pretrained encoder's that do not train, as there; tables of embeddings of such a one stay as they are.
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

    @property
    def whole_layers(self) -> int:
        """A bottleneck follows the first layer; low-rank matrices are in it."""
        return 1 if self.form == "bottleneck" else 0

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "BottleneckModel | LowRankModel":
        """One encoder, adapters and a head a task.

        Raises:
            MtlkdError: where a bottleneck would follow layers, and the encoder has none; where a task uses no weight
                matrix that could be adapted, or the encoder has low-rank matrices already.
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
        if any(isinstance(module, LowRank) for module in self.encoder.modules()):
            what = "the encoder trains low-rank matrices, which would have low-rank matrices of their own"
            fix = "let one of them change its weights: set encoder.train to none, or sharing to hard"
            raise MtlkdError(what, where="sharing.form", fix=fix)
        named = dict(_matrices(self.encoder))
        self.matrices = []
        for task, (of, _) in enumerate(tasks):
            used = {id(tensor) for part in self.encoder.parts(task) for tensor in _tensors(part)}
            self.matrices.append([name for name, tensor in named.items() if id(tensor) in used])
            if not self.matrices[-1]:
                what = f"task {of.name} goes through no weight matrix that low-rank matrices could change"
                fix = "set it to bottleneck, or give the encoder more layers"
                raise MtlkdError(what, where="sharing.form", fix=fix)
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
        weights = (_named(self.encoder, name) for name in names)
        return {
            name: update(weight) for name, update, weight in zip(names, self.adapters_of(task), weights, strict=True)
        }


def _matrices(encoder: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Weights that inputs or states are multiplied by, those that stay as they are included, each once, by name."""
    starts = {id(getattr(module, name)) for module, name, _ in tensors_from_weights(encoder)}
    lookups = (module for module in encoder.modules() if isinstance(module, nn.Embedding | nn.EmbeddingBag))
    left_out = {id(tensor) for module in lookups for tensor in _tensors(module)}
    yield from ((name, p) for name, p in encoder.named_parameters() if p.ndim > 1 and id(p) not in left_out)
    for name, buffer in encoder.named_buffers():
        if id(buffer) in starts and buffer.ndim > 1 and id(buffer) not in left_out:
            yield name, buffer


def _tensors(module: nn.Module) -> Iterator[Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _named(module: nn.Module, name: str) -> Tensor:
    """One of its tensors; what stays as it is may be another one than when the model was built."""
    owner, _, leaf = name.rpartition(".")
    return cast(Tensor, getattr(module.get_submodule(owner), leaf))


def _key(owner: str, name: str) -> str:
    return f"{owner}:{name.replace('.', '/')}"

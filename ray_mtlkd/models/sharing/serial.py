"""Tasks in a series: each reads what those before it have found and said."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from torch import Tensor, nn

from ray_mtlkd.decode import document, join
from ray_mtlkd.models.encoders.base import EncoderConfig, Stages
from ray_mtlkd.models.encoders.layers import Layer
from ray_mtlkd.models.sharing.base import sparse_tables, total_penalty
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder
from ray_mtlkd.models.sharing.label_embedding import LabelEmbedding, companions
from ray_mtlkd.ranges import Distinct, NonNegativeFloat, PositiveInt


@document
class Serial:
    """The joint many-task model of Hashimoto et al. 2017 (arXiv:1611.01587), sections 2.2 to 3.

    Over a shared encoder r each task k has a layer, which reads the layer and all predictions before it (`y` are
    `LabelEmbedding`), and a head on its layer:

        h_k = layer_k([r; h_{k-1}; y_1; …; y_{k-1}]),    outputs_k = head_k(h_k)

    Gradients go back through the whole series. Series are of tasks whose representations are of one sort: taggers make
    one, texts another, and a pair of texts is alone.

    The successive regularisation of section 3 keeps what tasks have learned from being overwritten by those after them:

        successive · ‖θ - θ'‖²

    over all parameters θ that some task uses which others follow, each once, but for hash tables. There, tasks take
    turns, and θ' is where the turn before left θ; here all tasks train in every step, and θ' is θ at the last
    evaluation. Before the first one nothing has been learned, and nothing is held.

    Attributes:
        order: Names of tasks, the first one first; those that are not named follow in the setup's order. A model of
            some of the tasks lets the others be.
        embedding: Width of a label embedding.
        successive: Strength of the successive regularisation: 0 for none, or 1e-3 to 1. The longer it is between
            evaluations (`training.eval_every`), the more it holds.
    """

    name: ClassVar[str] = "serial"
    whole_layers: ClassVar[int | None] = None

    order: Annotated[tuple[str, ...], Distinct] = ()
    embedding: PositiveInt = 8
    successive: NonNegativeFloat = 0.0

    def named(self) -> Mapping[str, str]:
        """Who is in the order."""
        return {join("order", at): name for at, name in enumerate(self.order)}

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "SerialModel":
        """One encoder, a layer and a head a task."""
        return SerialModel(self, encoder, tasks)


class SerialModel(HeadedModel):
    """See `Serial`.

    Attributes:
        before: The tasks before each one in its series, the first one first [T].
    """

    def __init__(self, serial: Serial, config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(len(tasks))
        self.encoder = build_encoder(config, tasks)
        widths = [self.encoder.width(task) for task in range(len(tasks))]
        places = _places(serial.order, [task.name for task, _ in tasks])
        self.before = [
            sorted((other for other in line if places[other] < places[task]), key=lambda other: places[other])
            for task, line in enumerate(companions(tasks, widths))
        ]
        self.layers = nn.ModuleList(
            Layer(width * (2 if before else 1) + serial.embedding * len(before), width, dropout=config.dropout)
            for width, before in zip(widths, self.before, strict=True)
        )
        read = sorted({other for before in self.before for other in before})
        self.embeddings = nn.ModuleDict({str(task): LabelEmbedding(tasks[task][0], serial.embedding) for task in read})
        self.add_heads(tasks, widths, config)
        self._successive = serial.successive
        self._remembered: list[tuple[nn.Parameter, Tensor]] = []

    def penalty(self) -> Tensor | None:
        """How far what earlier tasks use has moved since the last evaluation."""
        moved = total_penalty([(parameter - then).square().sum() for parameter, then in self._remembered])
        return None if moved is None else self._successive * moved

    def remember(self) -> None:
        """What earlier tasks use, if it is to be held."""
        if self._successive:
            tables = {id(table) for table in sparse_tables(self).values()}
            earlier = {other for before in self.before for other in before}
            used = {id(p): p for task in sorted(earlier) for p in self.used(task) if id(p) not in tables}
            self._remembered = [(p, p.detach().clone()) for p in used.values()]

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """The layer of each task."""
        found: dict[tuple[int, int], Tensor] = {}
        representations = self.encoder(inputs, tasks)
        return [(self._layer(task, of, found),) for task, of in zip(tasks, representations, strict=True)]

    def uses_to_represent(self, task: int) -> Stages:
        """The encoder, then task by task a layer, and of those before the head and its embedding."""
        earlier = (
            stage
            for at in self.before[task]
            for stage in ((self.layers[at],), (self.heads[at],), (self.embeddings[str(at)],))
        )
        return (*self.encoder.stages(task), *earlier, (self.layers[task],))

    def _layer(self, task: int, representation: Tensor, found: dict[tuple[int, int], Tensor]) -> Tensor:
        """H of the task; ``found`` holds what is known, by representation and task."""
        key = (id(representation), task)
        if key not in found:
            before = self.before[task]
            earlier = [self._layer(at, representation, found) for at in before]
            said = [self.embeddings[str(at)](self.heads[at](layer)) for at, layer in zip(before, earlier, strict=True)]
            found[key] = self.layers[task](torch.cat([representation, *earlier[-1:], *said], dim=1))
        return found[key]


def _places(order: Sequence[str], names: Sequence[str]) -> list[int]:
    """Where in the order each task is [T]."""
    return [order.index(name) if name in order else len(order) + at for at, name in enumerate(names)]

"""What an encoder is: inputs of one form become one vector a row, or one a token."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Protocol, cast

from annotated_types import Ge
from torch import Tensor, nn

from ray_mtlkd.data.features import SHORTEST_LETTERS, Features, Layout
from ray_mtlkd.tasks.kinds import KINDS, kind_named

Letters = Literal[0] | Annotated[int, Ge(SHORTEST_LETTERS)]
"""Longest n-gram of letters; 0 for none."""

Stages = tuple[tuple[nn.Module, ...], ...]
"""Modules from the inputs on; those of one stage lie side by side, as the experts of a mixture do."""


class Encoder(nn.Module, ABC):
    """A network that several tasks may share, in part or as a whole.

    Initial values come from torch's global generator alone.
    """

    @abstractmethod
    def forward(self, inputs: Any, tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations of one batch for each of the tasks: [B, width(task)], or [tokens, width(task)] for tagging.

        What is the same for several tasks is computed once, and a representation that is the same for several tasks
        is the same tensor.

        Args:
            inputs: A batch in the form of the tasks' layout; one side of a pair.
            tasks: Indices among the layouts that the encoder was built for, all of one layout [A >= 1].
        """

    @abstractmethod
    def width(self, task: int) -> int:
        """Width of the task's representations."""

    @abstractmethod
    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """What the task's forward goes through, from the inputs on; tasks that share a part name the same module."""

    def stages(self, task: int) -> Stages:
        """The same parts, those that lie side by side in one stage: mostly each has its own."""
        return tuple((part,) for part in self.parts(task))

    def entrances(self, task: int) -> tuple[nn.Module, ...]:
        """Those that read columns themselves: mostly the first one."""
        return self.parts(task)[:1]


class EncoderLayer(nn.Module, ABC):
    """One layer of an encoder, which ways of sharing may put elsewhere: on other encoders' layers, beside them, alone.

    Attributes:
        width: Of its states.
        rate: Factor on the learning rate of its parameters.
    """

    width: int
    rate: float = 1.0

    @abstractmethod
    def forward(self, states: Any, inputs: Any, task: int) -> Tensor:
        """States [N, width]: of rows, or of the words of all rows end to end, whatever the task.

        Args:
            states: Of the layer below [N, its width]; None for the first layer.
            inputs: As the encoder's.
            task: One that reads these inputs; tasks of one layout go through the same modules.
        """

    def parts(self, task: int) -> tuple[nn.Module, ...]:  # noqa: ARG002
        """What the task goes through: mostly the layer as a whole."""
        return (self,)

    def sources(self) -> Mapping[str, str]:
        """Of its tensors that start from pretrained weights, their names there by their names here; mostly none."""
        return {}

    def matrix(self) -> Tensor | None:
        """The weights [width, inputs] of its units, where they are one dense matrix."""
        return None


class Ending(nn.Module):
    """What makes representations of the states of any layer: here they are the states."""

    def forward(self, states: Tensor, inputs: Any, tasks: Sequence[int]) -> tuple[Tensor, ...]:  # noqa: ARG002
        """Representations, as the encoder's, of states [N, W]."""
        return (states,) * len(tasks)

    def width(self, task: int, states: int) -> int:  # noqa: ARG002
        """Width of the task's representations of states of this width."""
        return states

    def parts(self, task: int) -> tuple[nn.Module, ...]:  # noqa: ARG002
        """What the task goes through beside the layers."""
        return ()

    def of(self, task: int) -> "Ending":  # noqa: ARG002
        """The same for this task alone, which is then task 0, with the same parameters."""
        return self


class LayeredEncoder(Encoder):
    """An encoder whose forward pass is one layer after the other, and then an ending.

    Attributes:
        layers: From the inputs on, each an `EncoderLayer`.
        ending: Makes representations of states.
    """

    layers: nn.ModuleList
    ending: Ending

    def __init__(self, layers: Iterable[EncoderLayer], ending: Ending) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.ending = ending

    def forward(self, inputs: Any, tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations for each of the tasks, of the states of the last layer."""
        return self.above(None, inputs, tasks)

    def above(self, states: Any, inputs: Any, tasks: Sequence[int]) -> tuple[Tensor, ...]:
        """Representations for each of the tasks, of what lies below the layers: states, or None for the inputs."""
        for layer in self.layers:
            states = layer(states, inputs, tasks[0])
        found: tuple[Tensor, ...] = self.ending(states, inputs, tasks)
        return found

    def width(self, task: int) -> int:
        """What the ending makes of the last layer's width."""
        return self.ending.width(task, self.sequence[-1].width)

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """The ending's, which lie beside the layers, then layer by layer."""
        return (*self.ending.parts(task), *(part for layer in self.sequence for part in layer.parts(task)))

    @property
    def sequence(self) -> tuple[EncoderLayer, ...]:
        """The layers."""
        return tuple(cast(EncoderLayer, layer) for layer in self.layers)


class EncoderConfig(Protocol):
    """A frozen dataclass whose fields are the hyper-parameters.

    Attributes:
        name: In the registry.
        forms: The form of inputs (`Layout.form`) that it takes, for every kind that it serves.
        join: Width of the layer that joins the two sides of a pair.
        dropout: Share of a representation's units that training zeroes, in [0, 1).
    """

    name: ClassVar[str]
    forms: ClassVar[Mapping[str, str]]

    @property
    def join(self) -> int:
        """Width of the layer that joins the two sides of a pair."""

    @property
    def dropout(self) -> float:
        """Share of a representation's units that training zeroes, in [0, 1)."""

    @property
    def features(self) -> Features:
        """What it asks of the tables."""

    def build(self, layouts: Sequence[Layout], kinds: Sequence[str]) -> Encoder:
        """The encoder for tasks of these layouts and kinds, each layout of the form that `forms` names for its kind.

        Raises:
            MtlkdError: where the hyper-parameters do not fit the layouts.
        """


class Forms(Mapping[str, str]):
    """The form of inputs for every kind that is served, also for those of plug-ins.

    Args:
        rows: Of kinds with an output a row.
        tokens: Of kinds with one a token; None: these are not served.
    """

    def __init__(self, *, rows: str, tokens: str | None) -> None:
        self._rows = rows
        self._tokens = tokens

    def __getitem__(self, kind: str) -> str:
        form = self._tokens if kind_named(kind).per_token else self._rows
        if form is None:
            raise KeyError(kind)
        return form

    def __iter__(self) -> Iterator[str]:
        return (kind for kind in KINDS if kind in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

"""What a multitask model is, who uses what of it, and when its forward pass may be cut in two."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

from torch import Tensor, nn

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Inputs
from ray_mtlkd.models.encoders.base import EncoderConfig, EncoderLayer, Stages
from ray_mtlkd.tasks.task import Task


class MultitaskModel(nn.Module, ABC):
    """One network for T tasks.

    A parameter that two or more tasks use is shared; every other belongs to its task. What is not to be trained
    requires no gradient, and no task says that it uses it. The order of the parameters is fixed by the configuration.
    """

    num_tasks: int
    names: tuple[str, ...] = ()
    """Of the tasks [T], where it is an architecture's (`ray_mtlkd.models.architecture.build`)."""

    @abstractmethod
    def outputs(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> list[Tensor]:
        """Raw outputs of each of the tasks on one batch, which all of them read [A].

        [B] where there is one output a row, else [B, K]; [tokens, K] where there is one row of outputs a token.
        """

    @abstractmethod
    def uses(self, task: int) -> Stages:
        """All that the task's outputs depend on, from the inputs on.

        What it names too little makes gradients wrong: `ray_mtlkd.models.check` looks, before anything trains.
        """

    def forward(self, task: int, inputs: Inputs[Tensor]) -> Tensor:
        """The task's raw outputs."""
        (outputs,) = self.outputs(inputs, [task])
        return outputs

    def penalty(self) -> Tensor | None:
        """A loss [] that is no task's, beside those of the regularizers: no balancer sees or weighs it. Mostly none."""
        return None

    def remember(self) -> None:
        """Take the parameters as they are for those of the last evaluation. Mostly nobody asks for them.

        Told after each evaluation, once a rewind is done, and where a run goes on from a checkpoint, which is written
        after an evaluation: what is remembered then follows from the parameters, and no checkpoint need hold it.
        """

    def sorts(self, task: int) -> tuple[str, ...]:  # noqa: ARG002
        """The sorts of inputs behind the task's head: only between tasks of the same ones do its inputs mean the same.

        Here they are not told apart.
        """
        return ()

    def rates(self) -> dict[nn.Parameter, float]:
        """Factors on the learning rate of some parameters with dense gradients; of all others it is 1.

        Those of encoders' layers, unless told; what several layers have moves as the lowest of them does.
        """
        layers = [module for module in self.modules() if isinstance(module, EncoderLayer) and module.rate != 1.0]
        return {p: layer.rate for layer in reversed(layers) for p in layer.parameters()}

    def last_shared(self) -> tuple[nn.Parameter, ...]:
        """The shared parameters nearest to the outputs, where GradNorm measures; none where nothing is shared.

        Of each task the last stage that holds shared parameters, all modules of it: every expert's last layer.
        """
        shared = {id(p) for p in self._common()}
        last = set[int]()
        for task in range(self.num_tasks):
            stages = ({id(p) for p in _parameters(stage)} & shared for stage in reversed(self.uses(task)))
            last |= next((found for found in stages if found), set())
        return tuple(p for p in self.parameters() if id(p) in last)

    def shared(self) -> tuple[nn.Parameter, ...]:
        """Parameters with dense gradients that two or more tasks use; none where there is one task."""
        sparse = self._sparse()
        return tuple(p for p in self._common() if id(p) not in sparse)

    def shared_sparse(self) -> tuple[nn.Parameter, ...]:
        """Hash tables with sparse gradients that two or more tasks use."""
        sparse = self._sparse()
        return tuple(p for p in self._common() if id(p) in sparse)

    def own(self, task: int) -> tuple[nn.Parameter, ...]:
        """Parameters that only this task uses, also hash tables with sparse gradients."""
        common = {id(p) for p in self._common()}
        return tuple(p for p in self.used(task) if id(p) not in common)

    def used(self, task: int) -> tuple[nn.Parameter, ...]:
        """Every parameter that the task uses, each once."""
        return _parameters(module for stage in self.uses(task) for module in stage)

    def _common(self) -> tuple[nn.Parameter, ...]:
        users = Counter(id(p) for task in range(self.num_tasks) for p in self.used(task))
        return tuple(p for p in self.parameters() if users[id(p)] > 1)

    def _sparse(self) -> frozenset[int]:
        return frozenset(map(id, sparse_tables(self).values()))


class SplitModel(MultitaskModel):
    """A model whose forward pass is `represent`, with all that tasks share, and then a `read` of each task's own.

    Where tasks share a batch, the shared part then runs once forward and each task's gradient goes on from what its
    head reads. A model that uses shared parameters in `read` is right as well, but trains like one without the split.
    """

    @abstractmethod
    def represent(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> tuple[tuple[Tensor, ...], ...]:
        """What each of the tasks reads of one batch, computed once for all of them; all use the same inputs [A].

        Tensors that are the same for several tasks are the same object.
        """

    @abstractmethod
    def read(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """Raw outputs of the task's head, from what `represent` gave for it."""

    @abstractmethod
    def uses_to_represent(self, task: int) -> Stages:
        """What the task goes through in `represent`."""

    @abstractmethod
    def uses_to_read(self, task: int) -> Stages:
        """What the task goes through in `read`."""

    def read_all(
        self, tasks: Sequence[int], representations: Sequence[tuple[Tensor, ...]], inputs: Inputs[Tensor]
    ) -> list[Tensor]:
        """Raw outputs of several heads on one batch, from what `represent` gave for each [A]; but for rounding those of
        `read`.
        """  # noqa: D205 - the summary needs two lines
        return [
            self.read(task, representation, inputs) for task, representation in zip(tasks, representations, strict=True)
        ]

    def outputs(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> list[Tensor]:
        """Head by head: what one task's outputs are does not depend on which others are asked for."""
        found = zip(tasks, self.represent(inputs, tasks), strict=True)
        return [self.read(task, representation, inputs) for task, representation in found]

    def uses(self, task: int) -> Stages:
        """First to represent, then to read."""
        return (*self.uses_to_represent(task), *self.uses_to_read(task))

    @property
    def reads_apart(self) -> bool:
        """Whether no shared parameter is used in `read`."""
        shared = {id(p) for p in self._common()}
        return not any(
            id(p) in shared
            for task in range(self.num_tasks)
            for stage in self.uses_to_read(task)
            for p in _parameters(stage)
        )


def total_penalty(parts: Sequence[Tensor]) -> Tensor | None:
    """The sum [] of penalties; None where there are none."""
    return sum(parts[1:], start=parts[0]) if parts else None


def sparse_tables(model: nn.Module) -> dict[str, Tensor]:
    """The parameters with sparse gradients, by name."""
    return {
        f"{name}.weight".lstrip("."): module.weight
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.sparse
    }


def split(model: MultitaskModel) -> SplitModel | None:
    """The same model where its forward pass may be cut in two."""
    return model if isinstance(model, SplitModel) and model.reads_apart else None


def _parameters(modules: Iterable[nn.Module]) -> tuple[nn.Parameter, ...]:
    """Of all modules, each once, also where one module holds another."""
    return tuple({id(p): p for module in modules for p in module.parameters()}.values())


class SharingConfig(Protocol):
    """A frozen dataclass whose fields are the hyper-parameters of a way of sharing.

    Attributes:
        name: In the registry.
    """

    name: ClassVar[str]

    @property
    def whole_layers(self) -> int | None:
        """How many of the encoder's layers, from the inputs on, are one piece to it; None: any number.

        It neither changes what is in them nor reads or changes the states between them, so that what they make of the
        tables may be computed once where they do not train.
        """

    def build(self, encoder: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> MultitaskModel:
        """The network for these tasks, on the CPU, in training mode.

        Initial values come from torch's global generator alone. A way of sharing that wants several encoders builds
        several: ``encoder.build(layouts, kinds)``.

        Raises:
            MtlkdError: where hyper-parameters do not fit encoder or tasks.
        """

"""What a multitask model is, and who owns what of it."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence

from torch import Tensor, nn

from ray_mtlkd.data.inputs import Inputs


class MultitaskModel(nn.Module, ABC):
    """One network for T tasks.

    A parameter that two or more tasks use is shared; every other belongs to its task. Every parameter is used by some
    task, and their order is fixed by the configuration alone.
    """

    num_tasks: int

    def forward(self, task: int, inputs: Inputs[Tensor]) -> Tensor:
        """Raw outputs of the task's head: [B] for binary and regression, else [B, K]; [tokens, K] for tagging."""
        (representation,) = self.represent(inputs, [task])
        return self.read(task, representation, inputs)

    @abstractmethod
    def represent(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> tuple[tuple[Tensor, ...], ...]:
        """What each of the tasks reads of one batch, computed once for all of them; all use the same inputs [A].

        Tensors that are the same for several tasks are the same object. Every parameter that the tasks share is used
        here, none in `read`.
        """

    @abstractmethod
    def represent_parts(self, task: int) -> tuple[nn.Module, ...]:
        """What the task goes through in `represent`, from the inputs on."""

    @abstractmethod
    def read_parts(self, task: int) -> tuple[nn.Module, ...]:
        """What the task goes through in `read`, up to the outputs."""

    @abstractmethod
    def read(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """Raw outputs of the task's head, from what `represent` gave for it."""

    def read_all(
        self, tasks: Sequence[int], representations: Sequence[tuple[Tensor, ...]], inputs: Inputs[Tensor]
    ) -> list[Tensor]:
        """Raw outputs of several heads on one batch, from what `represent` gave for each [A]."""
        return [
            self.read(task, representation, inputs) for task, representation in zip(tasks, representations, strict=True)
        ]

    def parts(self, task: int) -> tuple[nn.Module, ...]:
        """What the task's forward goes through, from inputs to outputs; parts do not overlap."""
        return (*self.represent_parts(task), *self.read_parts(task))

    def shared(self) -> tuple[nn.Parameter, ...]:
        """Parameters with dense gradients that two or more tasks use; none where there is one task."""
        return tuple(p for p in self._common() if id(p) not in self._sparse())

    def shared_sparse(self) -> tuple[nn.Parameter, ...]:
        """Hash tables with sparse gradients that two or more tasks use."""
        return tuple(p for p in self._common() if id(p) in self._sparse())

    def last_shared(self) -> tuple[nn.Parameter, ...]:
        """Of all shared parameters, those of the part nearest to the heads; none where nothing is shared."""
        shared = {id(p) for p in self._common()}
        depths = [
            (depth, part)
            for task in range(self.num_tasks)
            for depth, part in enumerate(self.parts(task))
            if any(id(p) in shared for p in part.parameters())
        ]
        if not depths:
            return ()
        _, last = max(depths, key=lambda found: found[0])
        return tuple(p for p in last.parameters() if id(p) in shared)

    def own(self, task: int) -> tuple[nn.Parameter, ...]:
        """Parameters that only this task uses, also hash tables with sparse gradients."""
        common = {id(p) for p in self._common()}
        return tuple(p for part in self.parts(task) for p in part.parameters() if id(p) not in common)

    def _common(self) -> tuple[nn.Parameter, ...]:
        users = Counter(id(p) for task in range(self.num_tasks) for part in self.parts(task) for p in part.parameters())
        return tuple(p for p in self.parameters() if users[id(p)] > 1)

    def _sparse(self) -> frozenset[int]:
        return frozenset(
            id(table.weight)
            for table in self.modules()
            if isinstance(table, nn.Embedding | nn.EmbeddingBag) and table.sparse
        )

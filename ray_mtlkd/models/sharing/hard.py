"""Hard parameter sharing (Caruana 1997): one encoder for all tasks, a head for each."""

from collections.abc import Sequence
from typing import ClassVar, cast

from torch import Tensor, nn

from ray_mtlkd.data.inputs import Inputs, Layout, Pair
from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderConfig
from ray_mtlkd.models.heads import Head, PairJoin, read_together
from ray_mtlkd.models.sharing.base import SplitModel, Stages
from ray_mtlkd.tasks.task import Task


@document
class HardSharing:
    """Every task goes through the same encoder; heads, joins and input layers of other columns are its own."""

    name: ClassVar[str] = "hard"

    def build(self, encoder: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> "HardSharingModel":
        """One encoder, a head a task."""
        return HardSharingModel(encoder, tasks)


class HardSharingModel(SplitModel):
    """See `HardSharing`."""

    def __init__(self, config: EncoderConfig, tasks: Sequence[tuple[Task, Layout]]) -> None:
        super().__init__()
        self.num_tasks = len(tasks)
        self.encoder = config.build([layout for _, layout in tasks], [task.kind for task, _ in tasks])
        self.joins = nn.ModuleDict()
        self.heads = nn.ModuleList()
        for index, (task, layout) in enumerate(tasks):
            width = self.encoder.width(index)
            if layout.overlap is not None:
                join = PairJoin(width, layout.overlap, width=config.join, dropout=config.dropout)
                self.joins[str(index)] = join
                width = join.width
            self.heads.append(Head(task, width))

    def represent(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> tuple[tuple[Tensor, ...], ...]:
        """The encoder's representation, or those of both sides of a pair."""
        sides = (inputs.left, inputs.right) if isinstance(inputs, Pair) else (inputs,)
        return tuple(zip(*(self.encoder(side, tasks) for side in sides), strict=True))

    def read(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """Raw outputs of the task's head."""
        outputs: Tensor = self.heads[task](self._joined(task, representation, inputs))
        return outputs

    def read_all(
        self, tasks: Sequence[int], representations: Sequence[tuple[Tensor, ...]], inputs: Inputs[Tensor]
    ) -> list[Tensor]:
        """Raw outputs of several heads; those that read the same tensor go through one matrix product."""
        read = [
            self._joined(task, representation, inputs)
            for task, representation in zip(tasks, representations, strict=True)
        ]
        return read_together([cast(Head, self.heads[task]) for task in tasks], read)

    def _joined(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """What the head reads."""
        if isinstance(inputs, Pair):
            joined: Tensor = self.joins[str(task)](*representation, inputs.overlap)
            return joined
        (joined,) = representation
        return joined

    def uses_to_represent(self, task: int) -> Stages:
        """The encoder's parts."""
        return tuple((part,) for part in self.encoder.parts(task))

    def uses_to_read(self, task: int) -> Stages:
        """The join where there is one, then the head."""
        joins = ((self.joins[str(task)],),) if str(task) in self.joins else ()
        return (*joins, (self.heads[task],))

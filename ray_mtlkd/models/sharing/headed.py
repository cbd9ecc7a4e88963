"""Models whose tasks end in heads of their own: what ways of sharing have in common from there on."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from torch import Tensor, nn

from ray_mtlkd.data.features import Layout
from ray_mtlkd.data.inputs import Inputs, Pair
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, LayeredEncoder, Stages
from ray_mtlkd.models.encoders.joins import PairJoin
from ray_mtlkd.models.heads import Head, read_together
from ray_mtlkd.models.sharing.base import SplitModel
from ray_mtlkd.tasks.task import Task

Tasks = Sequence[tuple[Task, Layout]]

WHOLE = "hard, soft, mmoe, ple, serial, interaction, or adapters of form lora or shared_lora"
"""Ways of sharing that know no layers."""


class HeadedModel(SplitModel):
    """A model in which each task has a head, behind a join where its rows are pairs.

    Args:
        num_tasks: T.
    """

    joins: nn.ModuleDict
    heads: nn.ModuleList

    def __init__(self, num_tasks: int) -> None:
        super().__init__()
        self.num_tasks = num_tasks

    def add_heads(self, tasks: Tasks, widths: Sequence[int], encoder: EncoderConfig) -> None:
        """Draw the tasks' joins and heads, on representations of the given widths [T]."""
        self.joins = nn.ModuleDict()
        self.heads = nn.ModuleList()
        self._sorts = [layout.sorts for _, layout in tasks]
        for index, ((task, layout), representation) in enumerate(zip(tasks, widths, strict=True)):
            width = representation
            if layout.overlap is not None:
                join = PairJoin(width, layout.overlap, width=encoder.join, dropout=encoder.dropout)
                self.joins[str(index)] = join
                width = join.width
            self.heads.append(Head(task, width))

    def sorts(self, task: int) -> tuple[str, ...]:
        """Those of its layout."""
        return self._sorts[task]

    @abstractmethod
    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What `refine` reads of a batch that is no pair, or of one side of a pair, for each of the tasks [A]."""

    def refine(self, task: int, encoded: tuple[Tensor, ...]) -> Tensor:  # noqa: ARG002
        """What the task's head, or its join, reads of what `encode` gave: the only tensor of it.

        A model that goes through more modules here overrides `uses_to_refine` as well.
        """
        (representation,) = encoded
        return representation

    def uses_to_refine(self, task: int) -> Stages:  # noqa: ARG002
        """What the task goes through in `refine`: nothing."""
        return ()

    def represent(self, inputs: Inputs[Tensor], tasks: Sequence[int]) -> tuple[tuple[Tensor, ...], ...]:
        """What `encode` gives; of a pair that of the left side, then that of the right one."""
        if not isinstance(inputs, Pair):
            return tuple(self.encode(inputs, tasks))
        sides = zip(self.encode(inputs.left, tasks), self.encode(inputs.right, tasks), strict=True)
        return tuple((*left, *right) for left, right in sides)

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

    def uses_to_read(self, task: int) -> Stages:
        """What refines, the join where there is one, then the head."""
        joins = ((self.joins[str(task)],),) if str(task) in self.joins else ()
        return (*self.uses_to_refine(task), *joins, (self.heads[task],))

    def _joined(self, task: int, representation: tuple[Tensor, ...], inputs: Inputs[Tensor]) -> Tensor:
        """What the head reads."""
        if not isinstance(inputs, Pair):
            return self.refine(task, representation)
        half = len(representation) // 2
        sides = [self.refine(task, side) for side in (representation[:half], representation[half:])]
        joined: Tensor = self.joins[str(task)](*sides, inputs.overlap)
        return joined


def build_encoder(config: EncoderConfig, tasks: Tasks) -> Encoder:
    """An encoder for all of these tasks."""
    return config.build([layout for _, layout in tasks], [task.kind for task, _ in tasks])


def side_by_side(lines: Sequence[Stages]) -> Stages:
    """Lines of the same number of stages as one, whose stages hold those of all lines."""
    return tuple(tuple(module for stage in stages for module in stage) for stages in zip(*lines, strict=True))


def build_layers(config: EncoderConfig, tasks: Tasks) -> LayeredEncoder:
    """An encoder for all of these tasks, which is one layer after the other.

    Raises:
        MtlkdError: where it is not.
    """
    encoder = build_encoder(config, tasks)
    if not isinstance(encoder, LayeredEncoder):
        raise MtlkdError(
            f"encoder {config.name} is not one layer after the other",
            where="sharing",
            fix=f"share in a way that takes encoders as a whole: {WHOLE}; or build a LayeredEncoder",
        )
    return encoder


def check_depth(number: int, layers: Sequence[object], *, where: str) -> None:
    """Refuse a layer's number, from 1 on, that the encoder does not have.

    Raises:
        MtlkdError: where it is too large.
    """
    if number > len(layers):
        raise MtlkdError(
            f"layer {number} of an encoder with {len(layers)}",
            where=where,
            fix=f"give a number up to {len(layers)}, or the encoder more layers",
        )

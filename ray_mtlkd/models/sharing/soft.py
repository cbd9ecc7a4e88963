"""Soft parameter sharing: a network a task, all pulled together by a penalty on how far they differ."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig, Stages
from ray_mtlkd.models.sharing.base import sparse_tables, total_penalty
from ray_mtlkd.models.sharing.headed import HeadedModel, Tasks, build_encoder
from ray_mtlkd.ranges import NonNegativeFloat

Norm = Literal["l2", "trace"]


@document
class SoftSharing:
    """A network a task, and a penalty on every parameter W_t that several of them have in the same place and shape.

    `l2` is the distance of Duong et al. 2015 (ACL, P15-2139), to the mean over tasks instead of to one of them:

        strength / 2 · Σ_t ‖W_t - W̄‖²

    `trace` is the trace norm of Yang and Hospedales 2017 (arXiv:1606.04038), of the last-axis flattening: the tasks'
    parameters as rows of one matrix, whose singular values are summed, so that few directions carry all tasks.

        strength · ‖[vec W_1; …; vec W_T]‖_*

    Hash tables are left to themselves: a step touches some of their rows, a penalty would touch all. So are the first
    layers of tasks with other columns.

    Attributes:
        norm: Which of the two.
        strength: 0 or above; with 0 nothing is shared. From 1e-4 to 1e-1 for `l2`, to 1e-2 for `trace`.
    """

    name: ClassVar[str] = "soft"
    whole_layers: ClassVar[int | None] = None

    norm: Norm = "l2"
    strength: NonNegativeFloat = 0.01

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "SoftModel":
        """A network and a head a task."""
        networks = [build_encoder(encoder, [pair]) for pair in tasks]
        model = SoftModel(networks, tasks, norm=self.norm, strength=self.strength)
        model.add_heads(tasks, [network.width(0) for network in networks], encoder)
        return model


class SoftModel(HeadedModel):
    """See `SoftSharing`; the heads are to be added."""

    def __init__(self, networks: Sequence[Encoder], tasks: Tasks, *, norm: Norm, strength: float) -> None:
        super().__init__(len(tasks))
        self.distance, self.strength = {"l2": _spread, "trace": _trace}[norm], strength
        self.columns = [layout.columns for _, layout in tasks]
        self.networks = nn.ModuleList(networks)

    def encode(self, inputs: Any, tasks: Sequence[int]) -> Sequence[tuple[Tensor, ...]]:
        """What each task's network makes of the inputs."""
        return [self.networks[task](inputs, [0]) for task in tasks]

    def uses_to_represent(self, task: int) -> Stages:
        """The task's network."""
        return self.of(task).stages(0)

    def penalty(self) -> Tensor | None:
        """How far the networks are apart; None where nothing pulls."""
        pulled = self._pulled if self.strength else []
        distance = total_penalty([self.distance(torch.stack([each.flatten() for each in group])) for group in pulled])
        return None if distance is None else self.strength * distance

    def counterparts(self) -> list[list[Tensor]]:
        """The parameters that two or more networks have in the same place and shape, dense ones alone."""
        found = defaultdict[Any, list[Tensor]](list)
        tables = {id(table) for table in sparse_tables(self).values()}
        for task in range(self.num_tasks):
            network = self.of(task)
            first = {id(p) for part in network.entrances(0) for p in part.parameters()}
            for name, p in network.named_parameters():
                if id(p) not in tables:
                    found[name, p.shape, self.columns[task] if id(p) in first else ()].append(p)
        return [group for group in found.values() if len(set(map(id, group))) > 1]

    @cached_property
    def _pulled(self) -> list[list[Tensor]]:
        """What each step asks for."""
        return self.counterparts()

    def of(self, task: int) -> Encoder:
        """The task's network."""
        return cast(Encoder, self.networks[task])


def _spread(rows: Tensor) -> Tensor:
    """Half of the squared distances [] of rows [T, P] to their mean."""
    return (rows - rows.mean(0)).square().sum() / 2


def _trace(rows: Tensor) -> Tensor:
    """The sum [] of the singular values of rows [T, P]."""
    values: Tensor = torch.linalg.svdvals(rows)
    return values.sum()

"""Sluice networks: cross-stitch units between subspaces of layers, and heads that read several layers."""

from itertools import combinations
from typing import ClassVar

from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.encoders.base import EncoderConfig
from ray_mtlkd.models.sharing.base import total_penalty
from ray_mtlkd.models.sharing.cross_stitch import Read, StitchedModel
from ray_mtlkd.models.sharing.headed import Tasks
from ray_mtlkd.ranges import NonNegativeFloat, PositiveFloat, SmallCount, UnitInterval


@document
class Sluice:
    """Ruder et al. 2019 (arXiv:1705.08142), section 3; the code of its authors is sebastianruder/sluice-networks.

    The states of each layer of each of T networks are cut into G subspaces, which units [T G, T G] mix. A
    head reads Σ_l β_l h_l over layers. The penalty keeps subspaces apart:

        strength · Σ_t Σ_l Σ_{i<j} ‖W_{t,l,i} W_{t,l,j}ᵀ‖²_F

    over the rows of each layer's weights that make subspaces i and j; layers whose weights are a hash table or not one
    matrix have none. With one subspace, no orthogonality and the last layer alone it is a cross-stitch network.

    Attributes:
        subspaces: G, which divides the width of every layer; the paper has 2.
        orthogonality: Strength of the penalty, 0 or above; 1e-4 to 1e-1.
        read: `last` layer, those of its width `mixed` by β, or all layers `joined` end to end.
        own: As in `cross_stitch`, of each subspace.
        rate: As in `cross_stitch`, of units and β.
    """

    name: ClassVar[str] = "sluice"
    whole_layers: ClassVar[int | None] = 1

    subspaces: SmallCount = 2
    orthogonality: NonNegativeFloat = 0.01
    read: Read = "mixed"
    own: UnitInterval = 0.9
    rate: PositiveFloat = 10.0

    def build(self, encoder: EncoderConfig, tasks: Tasks) -> "SluiceModel":
        """A network and a head a task.

        Raises:
            MtlkdError: where the encoder has no layers, or layers that do not divide into so many subspaces.
        """
        return SluiceModel(self, encoder, tasks)


class SluiceModel(StitchedModel):
    """See `Sluice`."""

    def __init__(self, sluice: Sluice, config: EncoderConfig, tasks: Tasks) -> None:
        super().__init__(config, tasks, own=sluice.own, rate=sluice.rate, subspaces=sluice.subspaces, read=sluice.read)
        self.orthogonality = sluice.orthogonality

    def penalty(self) -> Tensor | None:
        """How far subspaces overlap; None where nothing asks."""
        if not self.orthogonality:
            return None
        matrices = [matrix for layers in self._layers() for layer in layers if (matrix := layer.matrix()) is not None]
        overlaps = [
            (one @ other.T).square().sum()
            for matrix in matrices
            for one, other in combinations(matrix.chunk(self.subspaces), 2)
        ]
        overlap = total_penalty(overlaps)
        return None if overlap is None else self.orthogonality * overlap

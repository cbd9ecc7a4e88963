"""Tasks in clusters that the heads themselves make."""

from typing import ClassVar

import torch
from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.regularizers.task_matrix import TaskMatrix, task_matrices
from ray_mtlkd.models.sharing.base import MultitaskModel, total_penalty
from ray_mtlkd.ranges import PositiveFloat, SmallCount


@document
class TaskClusters:
    """Clustered multi-task learning, Zhou et al. 2011 (NIPS, "via Alternating Structure Optimization").

        ½ strength min_F tr(W Wᵀ) - tr(Fᵀ W Wᵀ F) = ½ strength Σ_{i > k} s_i(W)²

    W [T, P] has the heads of one shape as rows. F [T, k], whose columns are orthonormal, relaxes who belongs to which
    of k clusters (Zha et al. 2001); at the best F the singular values s_i beyond the k-th are left. So nothing is
    remembered: clusters follow from the heads.

    Attributes:
        clusters: k, 1 or more; from as many on as there are tasks it asks for nothing.
        strength: Above 0; 1e-3 to 10.
    """

    name: ClassVar[str] = "cluster"

    clusters: SmallCount = 2
    strength: PositiveFloat = 0.1

    def penalty(self, model: MultitaskModel) -> Tensor | None:
        """None where there are not more heads of a shape than clusters."""
        rows = [matrix.rows for matrix in task_matrices(model) if len(matrix.tasks) > self.clusters]
        return total_penalty([self.strength / 2 * self._beyond(each) for each in rows])

    @torch.no_grad()
    def relations(self, matrix: TaskMatrix) -> Tensor:
        """F Fᵀ: of two tasks, how far they belong to the same clusters."""
        directions, _, _ = torch.linalg.svd(matrix.rows, full_matrices=False)
        assigned: Tensor = directions[:, : self.clusters]
        return assigned @ assigned.T

    def _beyond(self, rows: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(rows)
        return values[self.clusters :].square().sum()

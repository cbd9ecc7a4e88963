"""Tasks whose relations are learned with them."""

from typing import ClassVar

import torch
from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.regularizers.task_matrix import TaskMatrix, task_matrices
from ray_mtlkd.models.sharing.base import MultitaskModel, total_penalty
from ray_mtlkd.ranges import PositiveFloat


@document
class MatrixNormal:
    """A matrix-normal prior on heads, Zhang and Yeung 2010 (arXiv:1203.3536); Long et al. 2017 on networks.

        ½ strength min_Ω tr(Wᵀ Ω⁻¹ W) = ½ strength (Σ_i s_i(W))²,    Ω = (W Wᵀ)^½ / tr (W Wᵀ)^½

    W [T, P] has the heads of one shape as rows, and the singular values s_i; Ω [T, T] is positive semidefinite with
    trace 1. With Ω at its best, which `relations` gives, the penalty is a function of the heads alone: there is nothing
    to alternate, and nothing to remember.

    Attributes:
        strength: Above 0; 1e-4 to 1.
    """

    name: ClassVar[str] = "matrix_normal"

    strength: PositiveFloat = 0.01

    def penalty(self, model: MultitaskModel) -> Tensor | None:
        """None where no two heads are alike."""
        return total_penalty([self._of(matrix.rows) for matrix in task_matrices(model)])

    @torch.no_grad()
    def relations(self, matrix: TaskMatrix) -> Tensor:
        """Ω."""
        directions, values, _ = torch.linalg.svd(matrix.rows, full_matrices=False)
        found: Tensor = (directions * (values / values.sum())) @ directions.T
        return found

    def _of(self, rows: Tensor) -> Tensor:
        values: Tensor = torch.linalg.svdvals(rows)
        return self.strength / 2 * values.sum().square()

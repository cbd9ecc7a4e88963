"""Tasks whose heads are near their mean."""

from typing import ClassVar

from torch import Tensor

from ray_mtlkd.decode import document
from ray_mtlkd.models.regularizers.task_matrix import task_matrices
from ray_mtlkd.models.sharing.base import MultitaskModel, total_penalty
from ray_mtlkd.ranges import NonNegativeFloat, PositiveFloat


@document
class MeanConstraint:
    """Regularized multi-task learning, Evgeniou and Pontil 2004 (KDD, doi:10.1145/1014052.1014067).

        ½ Σ_t (strength ‖w_t - w̄‖² + size ‖w_t‖²)

    over heads of one shape: w_t = w_0 + v_t there, with the common part w_0 at its optimum.

    Attributes:
        strength: How much to the mean, above 0; 1e-3 to 10.
        size: How much to 0.
    """

    name: ClassVar[str] = "mean_constraint"

    strength: PositiveFloat = 0.1
    size: NonNegativeFloat = 0.0

    def penalty(self, model: MultitaskModel) -> Tensor | None:
        """None where no two heads are alike."""
        return total_penalty([self._of(matrix.rows) for matrix in task_matrices(model)])

    def _of(self, rows: Tensor) -> Tensor:
        return (self.strength * (rows - rows.mean(0)).square().sum() + self.size * rows.square().sum()) / 2

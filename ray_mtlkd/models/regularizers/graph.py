"""Tasks whose heads are near those of their neighbours."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ray_mtlkd.decode import document, join, refuse
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.regularizers.task_matrix import TaskMatrix, task_matrices
from ray_mtlkd.models.sharing.base import MultitaskModel, total_penalty
from ray_mtlkd.ranges import NonNegativeFloat, PositiveFloat


@document
class Graph:
    """Multi-task kernels of a graph of tasks, Evgeniou et al. 2005 (JMLR 6), section 3.1.

        ½ strength Σ_{(s, t) in edges} ‖w_s - w_t‖² + ½ size Σ_t ‖w_t‖²

    over heads of one shape. With a squared error on linear heads it is the ridge regression of the kernel whose inverse
    is strength · L + size · I, L being the graph's Laplacian.

    Attributes:
        edges: Pairs of tasks by their names; every pair, where none is given. A model of some of the tasks has those
            among them.
        strength: How much to neighbours, above 0; 1e-3 to 10.
        size: How much to 0.
    """

    name: ClassVar[str] = "graph"

    edges: tuple[tuple[str, str], ...] = ()
    strength: PositiveFloat = 0.1
    size: NonNegativeFloat = 0.0

    def __post_init__(self) -> None:
        """Refuse edges from a task to itself."""
        refuse(
            MtlkdError(f"an edge from {one} to itself", where=join("edges", at), fix="name two tasks")
            for at, (one, other) in enumerate(self.edges)
            if one == other
        )

    def named(self) -> Mapping[str, str]:
        """The ends of all edges."""
        return {join("edges", at, end): name for at, edge in enumerate(self.edges) for end, name in enumerate(edge)}

    def penalty(self, model: MultitaskModel) -> Tensor | None:
        """None where no two heads are alike."""
        places = {name: task for task, name in enumerate(model.names)}
        edges = [(places[one], places[other]) for one, other in self.edges if {one, other} <= places.keys()]
        return total_penalty([self._of(matrix, edges) for matrix in task_matrices(model)])

    @torch.no_grad()
    def relations(self, matrix: TaskMatrix) -> Tensor:
        """The cosines of the heads: what the graph, which is given, and the tasks have made of them."""
        rows = torch.nn.functional.normalize(matrix.rows)
        return rows @ rows.T

    def _of(self, matrix: TaskMatrix, named: Sequence[tuple[int, int]]) -> Tensor:
        rows, places = matrix.rows, {task: at for at, task in enumerate(matrix.tasks)}
        edges = named if self.edges else [(s, t) for s in matrix.tasks for t in matrix.tasks if s < t]
        among = [(places[s], places[t]) for s, t in edges if s in places and t in places]
        ones, others = [s for s, _ in among], [t for _, t in among]
        apart = (rows[ones] - rows[others]).square().sum()
        return (self.strength * apart + self.size * rows.square().sum()) / 2

"""The list of regularizers."""

from typing import Any

from ray_mtlkd.models.regularizers.base import ProximalRegularizer, Regularizer, RelatingRegularizer
from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from ray_mtlkd.models.regularizers.cluster import TaskClusters
from ray_mtlkd.models.regularizers.graph import Graph
from ray_mtlkd.models.regularizers.l1 import L1
from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.models.regularizers.mean_constraint import MeanConstraint
from ray_mtlkd.registry import Registry, part_of

__all__ = ["REGULARIZERS", "ProximalRegularizer", "Regularizer", "RelatingRegularizer"]

_OWN: tuple[type[Regularizer], ...] = (L1, BlockSparse, MeanConstraint, Graph, TaskClusters, MatrixNormal)

_PROXIMAL = ("shrink", "value")


def _contract(found: Any) -> str | None:
    problem = part_of("penalty")(found)
    lacking = [name for name in _PROXIMAL if not hasattr(found, name)]
    if problem is None and len(lacking) == 1:
        (there,) = {*_PROXIMAL} - {*lacking}
        return f"it has `{there}`, and no `{lacking[0]}`"
    return problem


REGULARIZERS: Registry[type[Regularizer]] = Registry(
    "regularizer",
    group="ray_mtlkd.regularizers",
    members={config.name: config for config in _OWN},
    contract=_contract,
)
"""Every regularizer by name."""

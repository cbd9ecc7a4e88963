"""The list of regularizers."""

from ray_mtlkd.models.regularizers.base import ProximalRegularizer, Regularizer
from ray_mtlkd.models.regularizers.block_sparse import BlockSparse
from ray_mtlkd.models.regularizers.cluster import TaskClusters
from ray_mtlkd.models.regularizers.graph import Graph
from ray_mtlkd.models.regularizers.l1 import L1
from ray_mtlkd.models.regularizers.matrix_normal import MatrixNormal
from ray_mtlkd.models.regularizers.mean_constraint import MeanConstraint
from ray_mtlkd.registry import Registry, part_of

__all__ = ["REGULARIZERS", "ProximalRegularizer", "Regularizer"]

_OWN: tuple[type[Regularizer], ...] = (L1, BlockSparse, MeanConstraint, Graph, TaskClusters, MatrixNormal)

REGULARIZERS: Registry[type[Regularizer]] = Registry(
    "regularizer",
    group="ray_mtlkd.regularizers",
    members={config.name: config for config in _OWN},
    contract=part_of("penalty"),
)
"""Every regularizer by name."""

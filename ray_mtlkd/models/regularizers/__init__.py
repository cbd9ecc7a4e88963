"""The list of regularizers."""

from ray_mtlkd.models.regularizers.base import Regularizer
from ray_mtlkd.registry import Registry, part_of

__all__ = ["REGULARIZERS", "Regularizer"]

REGULARIZERS: Registry[type[Regularizer]] = Registry(
    "regularizer", group="ray_mtlkd.regularizers", members={}, contract=part_of("penalty")
)
"""Every regularizer by name: none of this package's own yet."""

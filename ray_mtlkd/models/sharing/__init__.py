"""The list of ways of sharing."""

from ray_mtlkd.models.sharing.adapters import Adapters
from ray_mtlkd.models.sharing.base import (
    MultitaskModel,
    SharingConfig,
    SplitModel,
    sparse_tables,
    split,
    total_penalty,
)
from ray_mtlkd.models.sharing.cross_stitch import CrossStitch
from ray_mtlkd.models.sharing.hard import HardSharing
from ray_mtlkd.models.sharing.hybrid import Hybrid
from ray_mtlkd.models.sharing.interaction import Interaction
from ray_mtlkd.models.sharing.low_level import LowLevel
from ray_mtlkd.models.sharing.mmoe import MixtureOfExperts
from ray_mtlkd.models.sharing.ple import LayeredExtraction
from ray_mtlkd.models.sharing.serial import Serial
from ray_mtlkd.models.sharing.sluice import Sluice
from ray_mtlkd.models.sharing.soft import SoftSharing
from ray_mtlkd.registry import Registry, part_of

__all__ = [
    "OWN_SHARING",
    "SHARING",
    "HardSharing",
    "MultitaskModel",
    "SharingConfig",
    "SplitModel",
    "sparse_tables",
    "split",
    "total_penalty",
]

OWN_SHARING: tuple[type[SharingConfig], ...] = (
    HardSharing,
    SoftSharing,
    Hybrid,
    LowLevel,
    CrossStitch,
    Sluice,
    MixtureOfExperts,
    LayeredExtraction,
    Serial,
    Interaction,
    Adapters,
)
"""This package's own."""

SHARING: Registry[type[SharingConfig]] = Registry(
    "way of sharing",
    group="ray_mtlkd.sharing",
    members={config.name: config for config in OWN_SHARING},
    contract=part_of("build", "whole_layers"),
)
"""Every way of sharing by name."""

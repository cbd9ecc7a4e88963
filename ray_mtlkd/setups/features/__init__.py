"""From validated tables to the flat arrays that an encoder asks for."""

from ray_mtlkd.setups.features.build import featurise

__all__ = ["featurise"]

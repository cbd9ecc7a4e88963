"""From validated tables to the flat arrays that an encoder asks for."""

from ray_mtlkd.setups.features.build import featurise, featurise_and_pack, fit_featurisers
from ray_mtlkd.setups.features.featuriser import Featuriser
from ray_mtlkd.setups.features.state import pack_featurisers, unpack_featurisers

__all__ = ["Featuriser", "featurise", "featurise_and_pack", "fit_featurisers", "pack_featurisers", "unpack_featurisers"]

"""The list of encoders."""

from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.hf.encoder import PretrainedEncoder
from ray_mtlkd.models.encoders.mixed import MixedEncoder
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.encoders.transformer import Transformer
from ray_mtlkd.registry import Registry, part_of

__all__ = ["ENCODERS", "Encoder", "EncoderConfig"]

ENCODERS: Registry[type[EncoderConfig]] = Registry(
    "encoder",
    group="ray_mtlkd.encoders",
    members={config.name: config for config in (Mlp, BagOfNgrams, Cnn, Transformer, PretrainedEncoder, MixedEncoder)},
    contract=part_of("forms", "features", "build", "join", "dropout"),
)
"""Every encoder's configuration by name."""

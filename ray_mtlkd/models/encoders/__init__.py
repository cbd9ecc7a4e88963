"""The list of encoders."""

from collections.abc import Mapping
from typing import Any

from ray_mtlkd.decode import decode, join, unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.models.encoders.base import Encoder, EncoderConfig
from ray_mtlkd.models.encoders.cnn import Cnn
from ray_mtlkd.models.encoders.mlp import Mlp
from ray_mtlkd.models.encoders.transformer import Transformer

__all__ = ["ENCODERS", "Encoder", "EncoderConfig", "decode_encoder"]

ENCODERS: Mapping[str, type[EncoderConfig]] = {config.name: config for config in (Mlp, BagOfNgrams, Cnn, Transformer)}
"""Every encoder's configuration by name."""


def decode_encoder(value: Any, *, where: str) -> EncoderConfig:
    """An encoder from YAML: its name, or a mapping of ``name`` and hyper-parameters.

    Raises:
        MtlkdError: where the name is missing or unknown, or a hyper-parameter is wrong.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    fields = dict(value) if isinstance(value, Mapping) else {"name": value}
    if "name" not in fields:
        raise MtlkdError("missing", where=join(where, "name"), fix="use one of: " + ", ".join(sorted(ENCODERS)))
    name = fields.pop("name")
    if not isinstance(name, str) or name not in ENCODERS:
        at = join(where, "name") if isinstance(value, Mapping) else where
        raise unknown_name(name, ENCODERS, what="encoder", where=at)
    return decode(ENCODERS[name], fields, where=where)

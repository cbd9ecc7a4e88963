"""A kept model on a pretrained encoder as a folder that Hugging Face's libraries load without this package.

::

    config.json, model.safetensors              the encoder, low-rank matrices added to its weights
    tokenizer.json, tokenizer_config.json       its tokenizer
    heads.safetensors                           TASK.weight [K, W] and TASK.bias [K] of each task
    heads.json                                  what each task's outputs mean, how texts are pooled and cut
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import safetensors.torch
from torch import Tensor

from ray_mtlkd.data.pretrained import FAMILIES
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import LayeredEncoder
from ray_mtlkd.models.encoders.hf.ending import PieceEnding
from ray_mtlkd.models.encoders.hf.low_rank import merged
from ray_mtlkd.models.heads import Head
from ray_mtlkd.models.sharing.hard import HardSharingModel
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.serial import plain
from ray_mtlkd.setups.features.pieces import PretrainedText


def export(kept: KeptModel, folder: Path) -> None:
    """Write a model's encoder and heads.

    Args:
        kept: Its encoder is `hf`, which all tasks share as a whole.
        folder: Does not exist, or is empty.

    Raises:
        MtlkdError: where the model has more than an encoder and a linear head a task, or the folder holds something.
    """
    encoder, ending = _encoder(kept)
    text = cast(PretrainedText, next(iter(kept.featurisers.values())))
    if folder.exists() and any(folder.iterdir()):
        raise MtlkdError("the folder is not empty", where=str(folder), fix="name another one")
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().contiguous() for name, tensor in merged(encoder).items()}
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    safetensors.torch.save_file(_heads(kept), folder / "heads.safetensors")
    (folder / "tokenizer.json").write_bytes(text.tokenizer.tobytes())
    about = {
        "pooling": ending.pooling,
        "max_length": text.max_length,
        "tasks": {task.name: plain(task) for task in kept.tasks},
    }
    config = json.loads(text.backbone)
    for name, content in (("config", config), ("tokenizer_config", _tokenizer(text, config)), ("heads", about)):
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1), encoding="utf-8")


def _encoder(kept: KeptModel) -> tuple[LayeredEncoder, PieceEnding]:
    """The encoder of a model that has one, and nothing else below its heads."""
    model = kept.model
    encoder = model.encoder if isinstance(model, HardSharingModel) else None
    ending = encoder.ending if isinstance(encoder, LayeredEncoder) else None
    if not isinstance(encoder, LayeredEncoder) or not isinstance(ending, PieceEnding):
        fix = "train one with `encoder: {name: hf, …}` and without `sharing`"
        raise MtlkdError("no single pretrained encoder below all heads", where=kept.uri, fix=fix)
    if any(text.layout.overlap is not None for text in kept.featurisers.values()):
        fix = "train one with `pair: together`"
        raise MtlkdError("the texts of a pair are joined by layers of this package", where=kept.uri, fix=fix)
    return encoder, ending


def _heads(kept: KeptModel) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for at, task in enumerate(kept.tasks):
        linear = cast(Head, cast(HardSharingModel, kept.model).heads[at]).linear
        found |= {f"{task.name}.{name}": p.detach().contiguous() for name, p in linear.named_parameters()}
    return found


def _tokenizer(text: PretrainedText, config: Mapping[str, Any]) -> dict[str, Any]:
    """What `transformers` wants to know of a tokenizer beside the file of the `tokenizers` library."""
    vocabulary = json.loads(text.tokenizer.tobytes())["model"]["vocab"]
    names = vocabulary if isinstance(vocabulary, dict) else {name: at for at, (name, _) in enumerate(vocabulary)}
    padding = {at: name for name, at in names.items()}.get(config.get("pad_token_id") or 0)
    types = ["token_type_ids"] if FAMILIES[config["model_type"]].has_types else []
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": padding,
        "model_max_length": text.max_length,
        "model_input_names": ["input_ids", *types, "attention_mask"],
    }

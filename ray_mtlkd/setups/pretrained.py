"""A pretrained encoder's folder, as Hugging Face's libraries write it: configuration, tokenizer, weights.

Nothing is unpickled, no code of the folder runs, and nothing is fetched from anywhere.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ray_mtlkd.data.features import Features, MixedFeatures, pieces_asked
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.data.pretrained import FAMILIES, PretrainedWeights, stay_offline
from ray_mtlkd.decode import join
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.foreign.tensors import read_tensors_of
from ray_mtlkd.imports import Later

_transformers = Later("transformers")

INSTALL = "pip install 'ray-mtlkd[hf]'"
"""What brings the libraries that pretrained encoders need."""

_CONFIG, _TOKENIZER, _WEIGHTS, _INDEX = (
    *("config.json", "tokenizer.json"),
    *("model.safetensors", "model.safetensors.index.json"),
)
_NOT_OURS = frozenset({"auto_map", "torch_dtype", "dtype", "transformers_version", "_name_or_path"})
"""Keys that say nothing of what the encoder computes: code of its own, and how the weights are stored."""


_NUMBERS = ("vocab_size", "max_position_embeddings", "pad_token_id", "type_vocab_size")
_MOST = {
    **dict.fromkeys(("num_hidden_layers", "n_layers"), 1_000),
    **dict.fromkeys(("num_attention_heads", "n_heads"), 10_000),
    **dict.fromkeys(("hidden_size", "dim", "intermediate_size", "hidden_dim"), 1_000_000),
}
"""Sizes, as families call them, each of at least one: more than any encoder has would take all time or memory."""


@dataclass(frozen=True)
class PretrainedFolder:
    """What an encoder's folder holds.

    Attributes:
        config: Its configuration as JSON.
        tokenizer: Its tokenizer, as the `tokenizers` library writes it.
        content: Hash of all that is here.
    """

    config: str
    tokenizer: bytes
    weights: PretrainedWeights[Array]
    content: str


def read_folder(path: str, *, max_length: int, setting: str = "encoder.max_length") -> PretrainedFolder:
    """The encoder in a folder.

    Args:
        path: The folder, on this machine.
        max_length: Pieces of the longest sequence that it is to read.
        setting: What a user calls that.

    Raises:
        MtlkdError: where something is missing or damaged, it is no encoder, or its sequences are shorter.
    """
    folder = Path(path)
    if not folder.is_dir():
        fix = "give a folder on this machine with config.json, tokenizer.json and model.safetensors"
        raise MtlkdError("no such folder", where=path, fix=fix)
    stamps = tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(folder.iterdir()))
    config = _read_config(folder)
    _check_length(config, max_length, setting=setting, where=path)
    return _read(str(folder), json.dumps(config, sort_keys=True), stamps)


@lru_cache(maxsize=2)
def _read(path: str, config: str, _stamps: tuple[object, ...]) -> PretrainedFolder:
    """The rest of the folder, read once as long as its files stay as they are."""
    folder = Path(path)
    tokenizer = _read_tokenizer(folder, vocabulary=json.loads(config)["vocab_size"])
    weights = _read_weights(folder)
    digest = hashlib.blake2b(config.encode() + tokenizer, digest_size=16)
    for name, array in zip(weights.names, weights.arrays, strict=True):
        digest.update(f"{name}{array.shape}".encode())
        digest.update(array.data)
    return PretrainedFolder(config, tokenizer, weights, digest.hexdigest())


def folder_of(features: Features) -> PretrainedFolder | None:
    """The folder that a request names; None where it names none.

    Raises:
        MtlkdError: as `read_folder` does.
    """
    asked = pieces_asked(features)
    if asked is None:
        return None
    setting = "encoder.text.max_length" if isinstance(features, MixedFeatures) else "encoder.max_length"
    return read_folder(asked.path, max_length=asked.max_length, setting=setting)


def content_of_encoder(features: Features) -> dict[str, str]:
    """What decides of an encoder what it computes, likewise: nothing where it is not pretrained.

    Raises:
        MtlkdError: as `read_folder` does.
    """
    folder = folder_of(features)
    return {} if folder is None else {join("encoders", folder.weights.source): folder.content}


def _read_config(folder: Path) -> dict[str, Any]:
    config = _json(folder / _CONFIG)
    where = str(folder / _CONFIG)
    family = config.get("model_type")
    if (
        not isinstance(family, str)
        or family not in FAMILIES
        or config.get("is_decoder")
        or config.get("is_encoder_decoder")
    ):
        known = ", ".join(FAMILIES)
        raise MtlkdError(f"a model of type {family!r} is no encoder of a known sort", where=where, fix=f"use {known}")
    wrong = [name for name in _NUMBERS if not _is_count(config.get(name, 0))]
    if wrong or config.get("vocab_size") is None:
        what = f"it does not say `{[*wrong, 'vocab_size'][0]}`"
        raise MtlkdError(what, where=where, fix="copy the folder again")
    for name, most in _MOST.items():
        value = config.get(name, 1)
        if not _is_count(value) or not 1 <= (value or 0) <= most:
            what = f"`{name}` is {value!r:.40}, and no number from 1 to {most:,}"
            raise MtlkdError(what, where=where, fix="copy the folder again")
    return {key: value for key, value in config.items() if key not in _NOT_OURS}


def _is_count(value: object) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0)


def _check_length(config: Mapping[str, Any], max_length: int, *, setting: str, where: str) -> None:
    positions, padding = (config.get(name) for name in ("max_position_embeddings", "pad_token_id"))
    if positions is None:
        positions = max_length
    if FAMILIES[config["model_type"]].offsets_positions:
        positions -= (1 if padding is None else padding) + 1
    if max_length > positions:
        what = f"sequences of {max_length} pieces for an encoder of {positions} positions"
        raise MtlkdError(what, where=where, fix=f"set {setting} to {positions} or less")


def _read_tokenizer(folder: Path, *, vocabulary: int) -> bytes:
    """The tokenizer; one that is written in another way goes through `transformers`.

    Raises:
        MtlkdError: where there is none, or it has more pieces than the encoder.
    """
    file = folder / _TOKENIZER
    if file.exists():
        content, size = file.read_bytes(), _size(_json(file), where=str(file))
    else:
        content, size = _converted(folder)
    if size > vocabulary:
        what = f"the tokenizer knows {size} pieces, and the encoder {vocabulary}"
        raise MtlkdError(what, where=str(file), fix="copy the tokenizer that belongs to this encoder")
    return content


def _size(tokenizer: Mapping[str, Any], *, where: str) -> int:
    """The highest id of a tokenizer, plus one."""
    try:
        vocab = tokenizer["model"]["vocab"]
        highest = max(vocab.values() if isinstance(vocab, dict) else range(len(vocab)))
        return 1 + max(int(at) for at in (highest, *(added["id"] for added in tokenizer.get("added_tokens") or [])))
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise MtlkdError("it holds no vocabulary", where=where, fix="copy the tokenizer again") from error


def _converted(folder: Path) -> tuple[bytes, int]:
    stay_offline()
    try:
        read = _transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
        backend = read.backend_tokenizer
        is_there = any((folder / name).exists() for name in read.vocab_files_names.values())
    except ImportError as error:
        raise MtlkdError("its tokenizer needs transformers", where=str(folder), fix=INSTALL) from error
    except (OSError, ValueError, AttributeError, KeyError) as error:
        fix = f"write a {_TOKENIZER} there: load it with transformers and save it again"
        raise MtlkdError(f"its tokenizer cannot be read ({first_line(error)})", where=str(folder), fix=fix) from error
    if not is_there:  # transformers then makes one that knows no word
        raise MtlkdError("no tokenizer", where=str(folder), fix=f"copy {_TOKENIZER} into this folder")
    return backend.to_str().encode(), backend.get_vocab_size()


def _read_weights(folder: Path) -> PretrainedWeights[Array]:
    """The weights without prefix, heads and poolers.

    Raises:
        MtlkdError: where there are none, they are pickled or damaged, or not of an encoder.
    """
    whole: dict[str, Array] = {}
    for file in _weight_files(folder):
        try:
            found = read_tensors_of(file)
        except OSError as error:
            fix = "copy the file again"
            raise MtlkdError(f"the weights are damaged ({first_line(error)})", where=str(file), fix=fix) from error
        whole.update({name: tensor.float().numpy() for name, tensor in found.items()})
    starts = sorted({name[: name.index("embeddings.")] for name in whole if "embeddings." in name}, key=len)
    if not starts:
        raise MtlkdError("weights without embeddings", where=str(folder), fix="give the folder of an encoder")
    named = {
        _renamed(name.removeprefix(starts[0])): array for name, array in whole.items() if name.startswith(starts[0])
    }
    kept = {
        name: np.ascontiguousarray(array) for name, array in sorted(named.items()) if not name.startswith("pooler.")
    }
    return PretrainedWeights(tuple(kept), tuple(kept.values()), str(folder))


def _renamed(name: str) -> str:
    """The present name of what the first checkpoints of BERT called otherwise."""
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")


def _weight_files(folder: Path) -> list[Path]:
    if (folder / _WEIGHTS).exists():
        return [folder / _WEIGHTS]
    if (folder / _INDEX).exists():
        parts = [folder / Path(name).name for name in sorted(set(_json(folder / _INDEX)["weight_map"].values()))]
        missing = [part for part in parts if not part.exists()]
        if missing:
            raise MtlkdError("a part of the weights is missing", where=str(missing[0]), fix="copy the folder again")
        return parts
    pickled = [file.name for file in sorted(folder.iterdir()) if file.suffix in {".bin", ".pt", ".pth", ".ckpt", ".h5"}]
    if pickled:
        fix = "save it as safetensors: `AutoModel.from_pretrained(…).save_pretrained(…)`, where you trust the file"
        raise MtlkdError(f"the weights in {pickled[0]} are not read: pickles run code", where=str(folder), fix=fix)
    raise MtlkdError("no weights", where=str(folder / _WEIGHTS), fix="copy the folder again")


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise MtlkdError("missing", where=str(file), fix="copy the encoder's folder again") from error
    except (OSError, ValueError) as error:
        what = f"cannot be read ({first_line(error)})"
        raise MtlkdError(what, where=str(file), fix="copy the encoder's folder again") from error
    if not isinstance(found, dict):
        raise MtlkdError("holds no mapping", where=str(file), fix="copy the encoder's folder again")
    return found

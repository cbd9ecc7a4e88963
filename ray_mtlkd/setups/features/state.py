"""Fitted featurisers, and the inputs that they make, as JSON and arrays: nothing pickled, every bit kept."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np
import safetensors
import safetensors.numpy

from ray_mtlkd.arrow import hints
from ray_mtlkd.data.features import BagFeatures, Layout
from ray_mtlkd.data.inputs import Array, Bag, Dense, DenseTokens, FirstPieces, Mixed, Pair, Pieces, Tokens
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.setups.csv_format import NumberMarks
from ray_mtlkd.setups.features import bag, dense, mixed, overlap, pieces, text, tokens
from ray_mtlkd.setups.features.featuriser import Featuriser

VERSION = 5
"""Counts the changes of this package after which the same tables and requests make other features."""

KINDS: Mapping[str, type] = {
    kind.__name__: kind
    for kind in (
        *(dense.ColumnFeatures, dense.Number, dense.Category, dense.VectorFeatures, dense.TokenVectorFeatures),
        *(text.TextFeatures, text.TextColumns, bag.WeightedNgrams, tokens.HashedWords, overlap.Overlap),
        *(pieces.PretrainedText, Pieces, FirstPieces, mixed.MixedFeaturiser, Mixed),
        *(NumberMarks, BagFeatures, Layout, Dense, DenseTokens, Bag, Tokens, Pair),
    )
}
"""The dataclasses that can be written, by name."""


def dump(value: Any) -> tuple[Any, dict[str, Array]]:
    """A value (of ``KINDS``, an array, a plain value, or a tuple of such) as JSON data and the arrays named in it."""
    arrays: dict[str, Array] = {}
    return _plain(value, arrays), arrays


def load(plain: Any, arrays: Mapping[str, Array]) -> Any:
    """The value that was dumped; it holds ``arrays`` themselves.

    Raises:
        KeyError: of a kind or an array that is not there.
        TypeError: where a kind has other fields.
    """
    if isinstance(plain, list):
        return tuple(load(part, arrays) for part in plain)
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return arrays[plain["array"]]
    kind = KINDS[plain["kind"]]
    parts = {name: load(part, arrays) for name, part in plain.items() if name != "kind"}
    known = hints(kind)
    for name, part in parts.items():
        if name in known and not _fits(known[name], part):
            raise TypeError(f"{name} of {kind.__name__} is {part!r:.40}")
    return kind(**parts)


def _fits(kind: Any, value: Any) -> bool:
    """Whether a loaded value is what a field holds."""
    origin, options = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return any(_fits(option, value) for option in options)
    if origin is tuple and isinstance(value, tuple):
        wanted = options[:1] * len(value) if options[-1] is Ellipsis else options
        return len(value) == len(wanted) and all(map(_fits, wanted, value))
    if isinstance(value, np.ndarray):
        return isinstance(kind, TypeVar) or (
            origin is np.ndarray and np.issubdtype(value.dtype, get_args(options[1])[0])
        )
    if origin is Literal:
        return isinstance(value, str) and value in options
    if kind is Featuriser:
        return _is_featuriser(value)
    return type(value) is (origin or kind) or (kind is float and type(value) is int)


def _refuse_others(featurisers: Mapping[str, Any]) -> None:
    for name, value in featurisers.items():
        if not _is_featuriser(value):
            raise TypeError(f"{value!r:.40} of task {name}")


def _is_featuriser(value: object) -> bool:
    return hasattr(value, "transform")


def pack_featurisers(featurisers: Mapping[str, Featuriser]) -> bytes:
    """The fitted featurisers of a setup, by task, as one safetensors file with JSON in its header.

    Tasks that have the same featuriser still have so after ``unpack_featurisers``.
    """
    distinct = {id(featuriser): featuriser for featuriser in featurisers.values()}
    places = {key: place for place, key in enumerate(distinct)}
    plain, arrays = dump(tuple(distinct.values()))
    tasks = {name: places[id(featuriser)] for name, featuriser in featurisers.items()}
    state = json.dumps({"version": VERSION, "tasks": tasks, "featurisers": plain})
    packed: bytes = safetensors.numpy.save(arrays, metadata={"features": state})
    return packed


def unpack_featurisers(packed: bytes, *, where: str) -> dict[str, Featuriser]:
    """The featurisers that were packed, by task.

    Raises:
        MtlkdError: naming ``where``, where the bytes are damaged or another version of the features wrote them.
    """
    try:
        arrays = safetensors.numpy.load(packed)
        header = json.loads(packed[8 : 8 + int.from_bytes(packed[:8], "little")])
        state = json.loads(header["__metadata__"]["features"])
        version = state["version"]
        made = load(state["featurisers"], arrays) if version == VERSION else ()
        found = {name: made[place] for name, place in state["tasks"].items()} if version == VERSION else {}
        _refuse_others(found)
    except (safetensors.SafetensorError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        fix = "copy the file again, or train again"
        raise MtlkdError(f"holds no fitted features, or is damaged ({error})", where=where, fix=fix) from error
    if version != VERSION:
        fix = "use the version of ray_mtlkd that trained the model, or train again"
        raise MtlkdError(f"features of version {version}, not {VERSION}", where=where, fix=fix)
    return found


def _plain(value: Any, arrays: dict[str, Array]) -> Any:
    if isinstance(value, tuple):
        return [_plain(part, arrays) for part in value]
    if isinstance(value, np.ndarray):
        # what several parts hold, such as a tokenizer, is written once
        name = next((name for name, known in arrays.items() if known is value), str(len(arrays)))
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value):
        parts = {part.name: _plain(getattr(value, part.name), arrays) for part in fields(value)}
        return {"kind": type(value).__name__, **parts}
    return value

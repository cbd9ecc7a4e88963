"""What the layers of an encoder that do not train make of a table, once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from ray_mtlkd.data.examples import unlabelled, viewed
from ray_mtlkd.data.features import Layout, Pooling
from ray_mtlkd.data.inputs import Array, FirstPieces, Pieces, take
from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.models.encoders.base import EncoderConfig, EncoderLayer, LayeredEncoder
from ray_mtlkd.models.encoders.hf.ending import pooled, words
from ray_mtlkd.models.encoders.pretrained import fill

Unit = Literal["pieces", "rows", "words"]
"""What has a state of its own."""

_ROWS = 1024
"""Rows of a table that go through the layers before their states are stored."""

_ANY_KIND = "binary"
"""Of a task; an encoder's layers are the same whatever reads them."""


@dataclass(frozen=True)
class HeldLayers:
    """An encoder's layers up to the first that trains.

    Attributes:
        layers: In evaluation mode, on the device.
        pooling: How pieces become rows.
        device: Where they compute.
    """

    layers: Sequence[EncoderLayer]
    pooling: Pooling
    device: str = "cpu"

    @classmethod
    def of(
        cls,
        encoder: EncoderConfig,
        layout: Layout,
        weights: PretrainedWeights[Array],
        *,
        pooling: Pooling | None,
        device: str = "cpu",
    ) -> "HeldLayers":
        """Those of an encoder with some weights.

        Raises:
            MtlkdError: where the weights do not fit.
        """
        built = cast(LayeredEncoder, encoder.build([layout], [_ANY_KIND]))
        fill(built, PretrainedWeights(weights.names, tuple(map(viewed, weights.arrays)), weights.source))
        held = takewhile(lambda layer: not list(layer.parameters()), built.eval().to(device).sequence)
        return cls(tuple(held), pooling or "mean", device)

    @property
    def count(self) -> int:
        """How many they are, that of the pieces' embedding included."""
        return len(self.layers)

    @property
    def width(self) -> int:
        """Of a state."""
        return self.layers[-1].width

    @torch.no_grad()
    def states(self, pieces: Pieces[Array], unit: Unit, numbers: np.dtype[np.floating]) -> Array:
        """The state of each unit of a table [units, W]."""
        count = len(pieces.offsets) - 1
        table = cast(Pieces[Tensor], unlabelled(pieces, count, self.device).inputs)
        found = np.empty((units(pieces, unit), self.width), numbers)
        at = 0
        for start in range(0, count, _ROWS):
            batch = cast(Pieces[Tensor], take(table, slice(start, min(count, start + _ROWS))))
            made = self._of(batch, unit).cpu().numpy()
            found[at : at + len(made)] = made
            at += len(made)
        return found

    def _of(self, batch: Pieces[Tensor], unit: Unit) -> Tensor:
        states = None
        for layer in self.layers:
            states = layer(states, batch, 0)
        found = cast(Tensor, states)
        if unit == "pieces":
            return found
        return words(found, batch) if unit == "words" else pooled(found, batch, self.pooling)


def units(pieces: Pieces[Array], unit: Unit) -> int:
    """How many states a table has."""
    if unit == "words" and pieces.words is not None:
        return len(pieces.words.places)
    return int(pieces.offsets[-1]) if unit == "pieces" else len(pieces.offsets) - 1


def with_states(pieces: Pieces[Array], unit: Unit, states: Array) -> Pieces[Array]:
    """The table with states in the place of its pieces."""
    if unit == "pieces":
        return Pieces(None, pieces.offsets, words=pieces.words, states=states, cut=pieces.cut)
    if unit == "rows" or pieces.words is None:
        return Pieces(None, np.arange(len(states) + 1), states=states, cut=pieces.cut)
    offsets = pieces.words.offsets
    places = np.arange(len(states)) - np.repeat(offsets[:-1], np.diff(offsets))
    return Pieces(None, offsets, words=FirstPieces(places.astype(np.int32), offsets), states=states, cut=pieces.cut)

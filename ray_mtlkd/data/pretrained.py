"""Pretrained encoders before any of them is built: their families, and their weights as they travel."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

A = TypeVar("A", NDArray[np.generic], Tensor)


@dataclass(frozen=True, kw_only=True)
class Family:
    """Encoders of one architecture: where their parts stand, by the names of `transformers`.

    Attributes:
        layers: The list of their layers.
        dropouts: Keys of their configuration that say how much training drops.
        has_types: Whether pieces of a pair's second text have an embedding of their own.
        norm: What normalises the states of the last layer; None where each layer does.
        of_first: What the first layer has beside it, in some of the encoders.
        offsets_positions: Whether positions are counted from the padding's id on, which takes places of the longest
            sequence.
    """

    layers: str
    dropouts: tuple[str, ...]
    has_types: bool = True
    norm: str | None = None
    of_first: str | None = None
    offsets_positions: bool = False


_BERT_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_ROBERTA = Family(layers="encoder.layer", dropouts=_BERT_DROPOUTS, offsets_positions=True)

FAMILIES: Mapping[str, Family] = {
    "bert": Family(layers="encoder.layer", dropouts=_BERT_DROPOUTS),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "distilbert": Family(layers="transformer.layer", dropouts=("dropout", "attention_dropout"), has_types=False),
    "modernbert": Family(
        layers="layers",
        dropouts=("embedding_dropout", "mlp_dropout", "attention_dropout"),
        has_types=False,
        norm="final_norm",
    ),
    "deberta-v2": Family(layers="encoder.layer", dropouts=_BERT_DROPOUTS, of_first="encoder.conv"),
}
"""By ``model_type``; DeBERTa-v3 is of the second version's, MiniLM is BERT."""


def stay_offline() -> None:
    """Let `transformers` ask no server of anything; before it is imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


@dataclass(frozen=True)
class PretrainedWeights(Generic[A]):
    """An encoder's weights, float32; read-only wherever they are mapped.

    Attributes:
        names: As its family has them in `transformers`, without a prefix.
        arrays: Likewise.
        source: Where they are from, for errors.
    """

    names: tuple[str, ...]
    arrays: tuple[A, ...]
    source: str

    def by_name(self) -> dict[str, A]:
        """The weights by their names."""
        return dict(zip(self.names, self.arrays, strict=True))

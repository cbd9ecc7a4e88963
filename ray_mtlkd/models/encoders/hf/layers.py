"""A pretrained encoder, layer by layer: each goes through the code that `transformers` has for the whole, alone.

What a family does beside its layers (masks, relative positions, rotations) is then as it is there.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from ray_mtlkd.data.inputs import Pieces
from ray_mtlkd.data.pretrained import FAMILIES, Family, stay_offline
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import Later
from ray_mtlkd.models.encoders.base import EncoderLayer
from ray_mtlkd.models.encoders.hf.low_rank import adapt
from ray_mtlkd.models.encoders.hf.padding import in_order, similar_rows
from ray_mtlkd.models.encoders.pretrained import hold
from ray_mtlkd.torch_private import with_submodules

_transformers = Later("transformers")
_initialization = Later("transformers.initialization")


class Trained(Protocol):
    """What of an encoder trains, and how fast."""

    @property
    def rank(self) -> int | None:
        """Rank of low-rank matrices; None without them."""

    @property
    def dropout(self) -> float:
        """Of the layers that train."""

    @property
    def encoder_lr(self) -> float:
        """Factor on the learning rate at the top."""

    @property
    def layer_decay(self) -> float:
        """Factor on it for each layer further down."""

    @property
    def gradient_checkpointing(self) -> bool:
        """Whether layers that train compute again in the backward pass what the forward pass made."""

    @property
    def train(self) -> object:
        """In the user's words."""

    def trained_layers(self, layers: int) -> int:
        """How many layers train, of so many."""


def layers_of(config: Trained, backbone: str) -> list[EncoderLayer]:
    """The embedding of pieces, then the encoder's layers.

    Args:
        config: What trains.
        backbone: The encoder's configuration, as JSON.

    Raises:
        MtlkdError: where it has fewer layers than are to train, or `transformers` is not installed.
    """
    family, whole = FAMILIES[json.loads(backbone)["model_type"]], _whole(backbone, dropout=config.dropout)
    sources = frozenset(name for name, _ in whole.named_parameters())
    blocks = cast(nn.ModuleList, whole.get_submodule(family.layers))
    trained = _trained(config, family, layers=len(blocks))
    for name, module in whole.named_modules():
        if not any(name == path or name.startswith(f"{path}.") for path in trained):
            hold(module)
    if config.rank is not None:
        for block in blocks:
            adapt(block, config.rank)
    again = config.gradient_checkpointing
    made = (BlockLayer(whole, family, at, sources, computes_again=again) for at in range(len(blocks)))
    layers = [PieceEmbedding(whole, sources), *made]
    for below, layer in enumerate(reversed(layers)):
        layer.rate = config.encoder_lr * config.layer_decay**below
    return layers


def _trained(config: Trained, family: Family, *, layers: int) -> list[str]:
    """Modules whose parameters train, with all that is in them."""
    if config.train == "all":
        return ["embeddings", *family.layers.split(".")[:1], *([family.norm] if family.norm else [])]
    top = 0 if config.rank is not None else config.trained_layers(layers)
    paths = [f"{family.layers}.{at}" for at in range(layers - top, layers)]
    return [*paths, family.norm] if family.norm and top else paths


def _whole(backbone: str, *, dropout: float) -> nn.Module:
    """The whole encoder of a configuration, its parameters not yet set.

    Raises:
        MtlkdError: where `transformers` is not installed.
    """
    stay_offline()
    keys = json.loads(backbone)
    keys |= dict.fromkeys(FAMILIES[keys["model_type"]].dropouts, dropout)
    try:
        made = _transformers.AutoConfig.for_model(**keys)
        with _initialization.no_init_weights():  # to draw what is overwritten takes a second for 22 million
            whole = _transformers.AutoModel.from_config(made, trust_remote_code=False)
    except ImportError as error:
        fix = "pip install 'ray-mtlkd[hf]' where trials run"
        raise MtlkdError("pretrained encoders need transformers", where="encoder", fix=fix) from error
    except Exception as error:  # transformers says by many sorts that a configuration is none
        what = f"of its configuration no encoder can be made ({first_line(error)[:200]})"
        raise MtlkdError(what, where="encoder: config.json", fix="copy the encoder's folder again") from error
    if hasattr(whole, "pooler"):
        whole.pooler = None
    return cast(nn.Module, whole)


class PieceEmbedding(EncoderLayer):
    """Pieces to their first states.

    Args:
        whole: The encoder.
        sources: Names of its weights.
    """

    def __init__(self, whole: Any, sources: frozenset[str]) -> None:
        super().__init__()
        self.embeddings = whole.embeddings
        self.padding = whole.config.pad_token_id or 0
        self.width = whole.config.hidden_size
        self._sources = {name: name for name, _ in _named(self) if name in sources}
        self._learns = any(True for _ in self.parameters())

    def forward(self, states: None, inputs: Pieces[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """States [pieces, width], or those above this layer that are known."""
        if inputs.states is not None:
            return inputs.states.float()
        parts = []
        for rows in similar_rows(inputs.offsets):
            ids = rows.pad(cast(Tensor, inputs.ids), padding=self.padding)
            types = {} if inputs.types is None else {"token_type_ids": rows.pad(inputs.types).long()}
            parts.append((rows, rows.unpad(self.embeddings(input_ids=ids.long(), **types))))
        return in_order(parts) if parts else torch.zeros(0, self.width, device=inputs.offsets.device)

    def sources(self) -> Mapping[str, str]:
        """The embeddings'."""
        return self._sources

    def train(self, mode: bool = True) -> "PieceEmbedding":  # noqa: FBT001, FBT002 - torch's signature
        """Where nothing of it learns, it drops nothing."""
        return super().train(mode and self._learns)


class BlockLayer(EncoderLayer):
    """One layer of the encoder.

    Args:
        whole: The encoder.
        family: Where its layers stand.
        at: Which of them.
        sources: Names of the encoder's weights.
        computes_again: Whether the backward pass makes what the forward pass made, instead of keeping it.
    """

    def __init__(
        self, whole: Any, family: Family, at: int, sources: frozenset[str], *, computes_again: bool = False
    ) -> None:
        super().__init__()
        self._computes_again = computes_again
        blocks = whole.get_submodule(family.layers)
        alone: dict[str, nn.Module | None] = {
            "embeddings": GivenStates(),
            family.layers: nn.ModuleList([blocks[at]]),
        }
        if family.norm is not None and at + 1 < len(blocks):
            alone[family.norm] = nn.Identity()
        if at and family.of_first in dict(whole.named_modules()):
            alone[str(family.of_first)] = None
        self.alone = with_submodules(whole, alone)
        self.width = whole.config.hidden_size
        here, there = f"alone.{family.layers}.0.", f"{family.layers}.{at}."
        named = ((name, name.replace(here, there).removeprefix("alone.")) for name, _ in _named(self))
        self._sources = {name: source for name, source in named if source in sources}
        self._learns = any(True for _ in self.parameters())

    def forward(self, states: Tensor, inputs: Pieces[Tensor], task: int) -> Tensor:  # noqa: ARG002
        """States [pieces, width] of states [pieces, width]; those that are known stay as they are up to their layer."""
        if inputs.states is not None and not self._learns:
            return states
        parts = []
        for rows in similar_rows(inputs.offsets):
            given, mask = rows.pad(states), rows.mask()
            if self._computes_again and self._learns and torch.is_grad_enabled():
                # of a way of sharing that swaps weights, those of now are gone in the backward pass
                weights = dict(_named(self.alone))
                found = checkpoint(self._states, given, mask, weights, use_reentrant=False)
            else:
                found = self._states(given, mask)
            parts.append((rows, rows.unpad(found)))
        return in_order(parts) if parts else states

    def _states(self, given: Tensor, mask: Tensor, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """States by the layer, or by others in the place of its weights."""
        asked = {"inputs_embeds": given, "attention_mask": mask}
        found = self.alone(**asked) if weights is None else functional_call(self.alone, dict(weights), kwargs=asked)
        return cast(Tensor, found.last_hidden_state)

    def sources(self) -> Mapping[str, str]:
        """The layer's, and what all layers of the encoder share."""
        return self._sources

    def train(self, mode: bool = True) -> "BlockLayer":  # noqa: FBT001, FBT002 - torch's signature
        """Where nothing of it learns, it drops nothing."""
        return super().train(mode and self._learns)


class GivenStates(nn.Module):
    """Stands in the place of the embeddings: the states are there already."""

    def forward(self, *beside: Any, inputs_embeds: Tensor | None = None, **_named: Any) -> Tensor:
        """The states; the families of `transformers` call their embeddings each in its own way."""
        return cast(Tensor, beside[1]) if inputs_embeds is None else inputs_embeds


def _named(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Parameters and buffers, by name."""
    yield from module.named_parameters()
    yield from module.named_buffers()

"""Tensors of a model that start from elsewhere, and those of them that stay as they are.

A tensor that stays is a buffer that no state dict has. No optimizer, gradient or checkpoint ever sees it; on a CPU it
is a view of weights that all trials of a machine map.
"""

import copy
from collections.abc import Iterator, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from ray_mtlkd.data.pretrained import PretrainedWeights
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.encoders.base import EncoderLayer

M = TypeVar("M", bound=nn.Module)


def hold(module: nn.Module) -> None:
    """Let the module's own parameters, not those of modules in it, stay as they are."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        delattr(module, name)
        module.register_buffer(name, parameter.detach(), persistent=False)


def fill(model: nn.Module, weights: PretrainedWeights[Tensor]) -> None:
    """Put the weights in wherever a layer of the model starts from some.

    Raises:
        MtlkdError: where one is missing, or of another shape.
    """
    known = weights.by_name()
    for module, name, source in tensors_from_weights(model):
        present, value = getattr(module, name), known.get(source)
        if value is None or value.shape != present.shape:
            said = "are missing" if value is None else f"have the shape {list(value.shape)}, not {list(present.shape)}"
            what, fix = f"the weights {source} {said}", "give a folder whose config.json belongs to its weights"
            raise MtlkdError(what, where=weights.source, fix=fix)
        _put(module, name, value)


def held(model: nn.Module) -> dict[str, Tensor]:
    """What stays as it is, by the names of the weights."""
    found = ((source, getattr(module, name)) for module, name, source in tensors_from_weights(model))
    return {source: tensor for source, tensor in found if not isinstance(tensor, nn.Parameter)}


def fill_held(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put in what `held` gave of another model of the same architecture."""
    for module, name, source in tensors_from_weights(model):
        if not isinstance(getattr(module, name), nn.Parameter):
            _put(module, name, tensors[source])


def copied(model: M) -> M:
    """A copy of its own, but for what stays as it is, which both then share."""
    shared = {id(tensor): tensor for tensor in held(model).values()}
    return copy.deepcopy(model, shared)


def tensors_from_weights(model: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """Every tensor that starts from a weight: the module that has it, its name there, and that of the weight."""
    for layer in model.modules():
        if isinstance(layer, EncoderLayer):
            for local, source in layer.sources().items():
                owner, _, name = local.rpartition(".")
                yield layer.get_submodule(owner), name, source


@torch.no_grad()
def _put(module: nn.Module, name: str, value: Tensor) -> None:
    present = getattr(module, name)
    if isinstance(present, nn.Parameter):
        present.copy_(value)
    else:
        setattr(module, name, value)

"""Small things that a step sends to the device: a GPU takes them in while it works, so that the host never waits."""

from collections.abc import Sequence

import torch
from torch import Tensor


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """A host's tensor on the device."""
    if device.type == "cpu":
        return tensor
    # only from pinned memory does the copy wait for nothing
    pinned = tensor.pin_memory() if device.type == "cuda" else tensor
    return pinned.to(device, non_blocking=True)


def on_device(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a tensor of the device and type of ``like``."""
    return send(torch.tensor(values, dtype=like.dtype), like.device)

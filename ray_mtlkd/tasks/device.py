"""Small things that a step sends to the device: a GPU takes them in while it works, so that the host never waits."""

from collections.abc import Sequence

import torch
from torch import Tensor


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """The same values on the device; the host's copy is left as it is."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def on_device(values: Sequence[float], like: Tensor) -> Tensor:
    """Numbers as a tensor of the device and type of ``like``."""
    return send(torch.tensor(values, dtype=like.dtype), like.device)

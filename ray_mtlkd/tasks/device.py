"""Where a process computes, and the small things that a step sends there.

A GPU takes them in while it works, so that the host never waits.
"""

import os
from collections.abc import Sequence

import torch
from torch import Tensor


def choose_device(gpus: float) -> str:
    """Where a process that Ray has given so much of a GPU computes; the same numbers in each run."""
    if gpus == 0:
        return "cpu"
    # Without this, cuBLAS and atomic additions give other last bits in each run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    return "cuda"


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

"""Where a process computes, and the small things that a step sends there.

A GPU takes them in while it works, so that the host never waits.
"""

import ctypes
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

from ray_mtlkd.errors import MtlkdError, first_line

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of ``mallopt`` (malloc.h)."""
_MOST_FROM_HEAP, _KEPT_BYTES = 2**25, 2**28
"""The largest block that does not get pages of its own, at most 32 MiB, and what may stay free at the heap's top."""


def choose_device(gpus: float) -> str:
    """Where a process that Ray has given so much of a GPU computes; the same numbers in each run.

    Raises:
        MtlkdError: where PyTorch cannot use the GPU.
    """
    if gpus == 0:
        return "cpu"
    check_cuda()
    # Without this, cuBLAS and atomic additions give other last bits in each run.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    return "cuda"


def check_cuda() -> None:
    """Make sure that PyTorch computes on what Ray counts as a GPU.

    Raises:
        MtlkdError: where it does not.
    """
    if not torch.cuda.is_available():
        raise MtlkdError(
            f"Ray counts a GPU here, but PyTorch {torch.__version__} finds none",
            where=platform.node(),
            fix="install PyTorch with CUDA on that machine, or ask for no GPUs",
        )


@contextmanager
def within_memory() -> Iterator[None]:
    """Tell what to do where the body needs more memory than the GPU has left.

    Raises:
        MtlkdError: instead of PyTorch's error.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MtlkdError(
            f"the GPU's memory is full ({first_line(error)})",
            where=platform.node(),
            fix="let fewer processes share it, or make the batches or the model smaller",
        ) from error


def keep_memory() -> None:
    """Let this process use memory again that it has freed, where the C library is glibc.

    By default the top of the heap goes back to the system as soon as a batch's activations are freed, and comes back
    page by page with the next batch, which takes longer than a light model's arithmetic.
    """
    with suppress(AttributeError):  # no other C library has it
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _MOST_FROM_HEAP)
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)


def chance(device: torch.device) -> dict[str, Tensor]:
    """Where torch's global generators stand, of the CPU and of a GPU that is the device."""
    found = {"rng": torch.get_rng_state()}
    if device.type == "cuda":
        found["rng_cuda"] = torch.cuda.get_rng_state(device)
    return found


def replay(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators back to where `chance` found them, as far as ``states`` has them."""
    torch.set_rng_state(states["rng"])
    if "rng_cuda" in states:
        torch.cuda.set_rng_state(states["rng_cuda"], device)


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

"""Safetensors."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from ray_mtlkd.errors import first_line
from ray_mtlkd.foreign import UnreadableError


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """A file's tensors.

    Raises:
        UnreadableError: where it is no sound safetensors file.
    """
    with _reading():
        found: dict[str, Tensor] = safetensors.torch.load(data)
        return found


def read_tensors_of(path: Path) -> dict[str, Tensor]:
    """Likewise of a file on this machine, as large as memory.

    Raises:
        UnreadableError: where it is no sound safetensors file.
        OSError: where it cannot be read.
    """
    with _reading():
        found: dict[str, Tensor] = safetensors.torch.load_file(str(path))
        return found


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    # a type that PyTorch lacks, a shape beyond all numbers
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError, OverflowError, RuntimeError) as error:
        raise UnreadableError(first_line(error)[:200]) from error


def check_fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Make sure that tensors are those that are wanted: all of them, no others, of the same shapes and types.

    Raises:
        UnreadableError: where they are not.
    """
    strange = sorted(wanted.keys() ^ found.keys())
    if strange:
        raise UnreadableError(f"tensors of another model (see {', '.join(strange[:3])})")
    for name, tensor in found.items():
        own = wanted[name]
        if (tensor.shape, tensor.dtype) != (own.shape, own.dtype):
            told = (f"{each.dtype} {list(each.shape)}" for each in (tensor, own))
            raise UnreadableError(f"{name} is {' and not '.join(told)}")

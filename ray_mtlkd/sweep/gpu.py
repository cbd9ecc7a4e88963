"""What an actor does where the GPU that Ray gave it fails."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ray_mtlkd.tasks.device import within_memory


@contextmanager
def relying_on_gpu() -> Iterator[None]:
    """End this process where its GPU fails in the body: Ray starts the actor again, and asks once more.

    No process uses a GPU again that has failed it: an actor that stayed would fail whoever asks next.

    Raises:
        MtlkdError: where only the GPU's memory is full.
    """
    try:
        with within_memory():
            yield
    except torch.AcceleratorError:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)

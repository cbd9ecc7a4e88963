"""What an actor does where the GPU that Ray gave it fails."""

import os
import platform
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import ray
import torch

from ray_mtlkd.data.device import within_memory
from ray_mtlkd.errors import MtlkdError, first_line


@contextmanager
def relying_on_gpu(*, of_a_pool: bool = False) -> Iterator[None]:
    """End this process where its GPU fails in the body: Ray starts the actor anew, and asks it again.

    No process uses a GPU again that has failed it: an actor that stayed would fail whoever asks next.

    Args:
        of_a_pool: Ray Data starts its actors anew without end. What fails in an actor that was started anew once is an
            error then; other actors give up by themselves.

    Raises:
        MtlkdError: where the GPU's memory is full, or it has failed again in a pool.
    """
    try:
        with within_memory():
            yield
    except torch.AcceleratorError as error:
        if of_a_pool and ray.get_runtime_context().was_current_actor_reconstructed:
            raise MtlkdError(
                f"the GPU fails again and again ({first_line(error)})",
                where=platform.node(),
                fix="look at the GPU and its driver, or predict on CPUs",
            ) from error
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)

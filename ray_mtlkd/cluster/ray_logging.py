"""While a pool works, the terminal is ours."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray.data

from ray_mtlkd.cluster.held_errors import HeldErrors
from ray_mtlkd.cluster.ray_private import data_printers
from ray_mtlkd.errors import MtlkdError


@contextmanager
def quiet_data(*, stalled_s: float, in_order: bool = False) -> Iterator[None]:
    """Ray Data without bars and lines on the terminal (its log file has them), and with an end to waiting.

    Args:
        stalled_s: Without progress for so long, an execution ends with an error instead of hanging.
        in_order: Whether blocks come out in the order in which they went in.
    """
    context = ray.data.DataContext.get_current()
    before: dict[str, Any] = {
        name: getattr(context, name) for name in ("enable_progress_bars", "execution_no_progress_timeout_s")
    }
    ordered = context.execution_options.preserve_order
    printing = data_printers()
    levels = [handler.level for handler in printing]
    context.enable_progress_bars = False
    context.execution_no_progress_timeout_s = stalled_s
    context.execution_options.preserve_order = in_order
    for handler in printing:
        handler.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(context, name, value)
        context.execution_options.preserve_order = ordered
        for handler, level in zip(printing, levels, strict=True):
            handler.setLevel(level)


@contextmanager
def quiet_core() -> Iterator[None]:
    """Keep what Ray's core prints by itself, and show it only where something unforeseen ends the body.

    It complains of every pool of Ray Data's that what the actors are made of lies in the object store
    (ray-project/ray#53727): nothing comes of that, since the driver, who put it there, outlives the pool.
    """
    held = HeldErrors()
    held.hold()
    try:
        yield
    except (MtlkdError, ExceptionGroup, KeyboardInterrupt):
        raise
    except BaseException:
        sys.stderr.write(held.release())
        raise
    finally:
        held.release()

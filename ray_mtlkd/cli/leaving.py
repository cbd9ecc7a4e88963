"""The end of the process and of all that it has started, whatever they are at."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from ray_mtlkd.cli.streams import MISTAKE, print_errors
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError


def end_at_once(problem: MtlkdError) -> NoReturn:
    """Say what it is and end the process: all that a later run needs is written."""
    print_errors([problem])
    leave(MISTAKE)


def leave(code: int) -> NoReturn:
    """End the process, and those below it: of a Ray that is only starting, some would stay."""
    open_console().show_cursor()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for pid in list(_stopped_below(os.getpid())):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    os._exit(code)


def _stopped_below(pid: int) -> Iterator[int]:
    """Processes below one, each stopped before it is asked for those that it has started; Linux tells of them."""
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has ended
            for child in map(int, thread.read_text(encoding="ascii").split()):
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGSTOP)
                    yield child
                    yield from _stopped_below(child)

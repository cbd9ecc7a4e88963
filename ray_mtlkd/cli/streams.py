"""Standard output and error of any encoding, which may be full or have nobody at their other end."""

import errno
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

from ray_mtlkd.console.plain import HANDLER, open_console
from ray_mtlkd.errors import MtlkdError

MISTAKE = 2
"""Exit code after something that the user can fix."""
NO_READER = 141
"""Exit code where the reader went away: what a shell says of a program that SIGPIPE has ended."""

_MOST_TOLD = 200
"""Errors."""
_LONGEST = 4000
"""Letters of one."""

_LASTING: ContextVar[bool] = ContextVar("lasting", default=False)


@contextmanager
def lasting() -> Iterator[None]:
    """The body, or the function, leaves files: it goes on where nobody reads what is printed any more."""
    token = _LASTING.set(True)
    try:
        yield
    finally:
        _LASTING.reset(token)


@contextmanager
def sound_streams() -> Iterator[None]:
    """Standard output and error take any text while the body runs; whether all was printed is in the exit code.

    Signs that an encoding lacks become ASCII. A stream that takes no more does not end the body; only that the reader
    of the output went away does, quietly, unless the body is `lasting`.

    Raises:
        SystemExit: as the body does; `NO_READER` or `MISTAKE` where the body ended well and the output is not whole.
    """
    output, errors = _Channel(sys.stdout, ends=True), _Channel(sys.stderr, ends=False)
    with redirect_stdout(cast(TextIO, output)), redirect_stderr(cast(TextIO, errors)):
        try:
            yield
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        with lasting():
            output.flush()
        if output.lost is not None and not code:
            code = NO_READER if _is_closed_pipe(output.lost) else MISTAKE
        if output.lost is not None and not _is_closed_pipe(output.lost):
            fix = "make room there, or write elsewhere; what the command had to do is done unless it says otherwise"
            lost = MtlkdError(f"cannot be written ({output.lost.strerror})", where="standard output", fix=fix)
            open_console(stderr=True).print(f"error: {lost}", soft_wrap=True)
        errors.flush()
    raise SystemExit(code)


class _Channel:
    """A text stream that takes any text; once it cannot be written, it leads nowhere.

    Args:
        stream: Where to; None where it was closed before the program began.
        ends: Whether the program ends where its reader went away.

    Attributes:
        lost: Why it cannot be written; None as long as it can.
    """

    def __init__(self, stream: TextIO | None, *, ends: bool) -> None:
        self.lost: OSError | None = None
        self._ends = ends
        self._stream = io.StringIO() if stream is None else stream
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)

    def write(self, text: str) -> int:
        """See `io.TextIOBase`."""
        with self._losing():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """See `io.IOBase`."""
        with self._losing():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    @contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.lost = self.lost or error
            # What is still in the buffer must go somewhere, or the interpreter fails with it when it ends.
            with suppress(OSError, ValueError), open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - no path but a device
                os.dup2(nowhere.fileno(), self._stream.fileno())
            ends = self._ends and not _LASTING.get() and threading.current_thread() is threading.main_thread()
            if ends and _is_closed_pipe(error):
                raise SystemExit(NO_READER) from None


def _is_closed_pipe(error: OSError) -> bool:
    return error.errno == errno.EPIPE


def print_errors(problems: Sequence[MtlkdError]) -> None:
    """A line each on stderr, of very many the first ones, and how many they are."""
    console = open_console(stderr=True)
    for problem in problems[:_MOST_TOLD]:
        console.print(f"error: {_shortened(str(problem))}", soft_wrap=True)
    if len(problems) > 1:
        first = f", of which the first {_MOST_TOLD} are told" if len(problems) > _MOST_TOLD else ""
        console.print(f"{len(problems)} errors{first}")


def _shortened(said: str) -> str:
    """What names very long things, without their middles."""
    left_out = len(said) - _LONGEST
    return said if left_out <= 0 else f"{said[: _LONGEST // 2]} … {left_out:,} letters … {said[-_LONGEST // 2 :]}"

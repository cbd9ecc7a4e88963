"""Being stopped from outside: Ctrl-C, SIGTERM (a scheduler's, `kill`), SIGHUP (the terminal has gone)."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Interruption:
    """Which signal has stopped the process.

    Attributes:
        code: With which the process should exit after a ``KeyboardInterrupt``.
    """

    def __init__(self) -> None:
        self.code = 128 + signal.SIGINT


@contextmanager
def stoppable() -> Iterator[Interruption]:
    """SIGTERM and SIGHUP raise ``KeyboardInterrupt`` in the body as Ctrl-C does, unless they are ignored (nohup).

    Once stopped, only Ctrl-C counts: a scheduler may repeat itself while all is put in order. Which signal it was is
    not in the exception, since Ray raises one of its own where one meets it.
    """
    stop = Interruption()

    def interrupt(number: int, _: FrameType | None) -> None:
        signal.alarm(0)  # Ray's core, where it meets a signal first, would abort the process in three seconds
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        stop.code = 128 + number
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    for each in before:
        signal.signal(each, interrupt)
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

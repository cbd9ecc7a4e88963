"""Being stopped from outside: Ctrl-C, SIGTERM (a scheduler's, `kill`), SIGHUP (the terminal has gone)."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from ray_mtlkd.cli.leaving import leave

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE_S = 3.0
"""From a signal to the end of the process, whatever it waits for by then: what a later run needs is written."""

_TELLING_S = 1.0
"""More, where nobody has been told by then how to go on."""


class Interruption:
    """Which signal has stopped the process.

    Args:
        tell: Says how to go on.

    Attributes:
        code: With which the process exits then.
    """

    def __init__(self, tell: Callable[[], None]) -> None:
        self.code = 128 + signal.SIGINT
        self._tell = tell
        self._telling = threading.Lock()
        self._has_told = False

    @contextmanager
    def told(self) -> Iterator[None]:
        """Say how to go on as soon as the body is stopped, before what is around it ends."""
        try:
            yield
        except KeyboardInterrupt:
            self.tell()
            raise

    def tell(self) -> None:
        """Say how to go on, once."""
        with self._telling:
            if not self._has_told:
                self._has_told = True
                self._tell()

    def end_in_time(self) -> None:
        """End the process after a while, where it does not end by itself, and whoever tells or is told does not."""

        def end() -> None:
            time.sleep(_GRACE_S)
            telling = threading.Thread(target=self.tell, name="tell", daemon=True)
            telling.start()
            telling.join(_TELLING_S)
            leave(self.code)

        threading.Thread(target=end, name="stop", daemon=True).start()


@contextmanager
def stoppable(tell: Callable[[], None]) -> Iterator[Interruption]:
    """Signals end the body by a ``KeyboardInterrupt``, unless they are ignored (nohup), and the process within seconds.

    Once stopped, no signal counts any more: a scheduler may repeat itself while all is put in order. Libraries that are
    being imported may swallow the exception, and Ray may take long to start before it can end.

    Args:
        tell: Says how to go on; called once.

    Raises:
        typer.Exit: with a code that says which signal it was; that is not in the exception, since Ray raises one of its
            own where one meets it.
    """
    stop = Interruption(tell)

    def interrupt(number: int, _: FrameType | None) -> None:
        signal.alarm(0)  # Ray's core, where it meets a signal first, would abort the process in three seconds
        for each in before:
            signal.signal(each, signal.SIG_IGN)
        stop.code = 128 + number
        stop.end_in_time()
        raise KeyboardInterrupt

    before = {each: signal.getsignal(each) for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN}
    for each in before:
        signal.signal(each, interrupt)
    try:
        yield stop
    except KeyboardInterrupt:
        stop.tell()
        raise typer.Exit(stop.code) from None
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)

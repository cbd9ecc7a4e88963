"""What people are shown while a sweep runs, by whatever started it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from types import TracebackType
from typing import Self

from rich.console import Console

from ray_mtlkd.cluster.address import waiting
from ray_mtlkd.console.live import LiveLine, print_line
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.run import Progress, SweepListener, Unheard
from ray_mtlkd.sweep.standing import below, said, said_leaders
from ray_mtlkd.sweep.status import Status
from ray_mtlkd.sweep_folder import HEAD, SweepFolder

_ANSWER_S = 1.0
"""In which a storage says whether there is a sweep: who is stopped waits for it."""


class SweepDisplay:
    """Says how a sweep goes: lines while it is prepared, one that lives while trials run.

    Args:
        console: Where it says so.
        look: Is told of every moment as well.

    Attributes:
        uri: Where the sweep writes, once that is known to be sound.
    """

    def __init__(self, console: Console, *, look: Callable[[Status], None] = lambda _: None) -> None:
        self.uri: str | None = None
        self._has_run = False
        self._console = console
        self._progress = LiveLine(console, waiting())
        self._look = look
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def prepare(self, line: str) -> None:
        """What is being read."""
        print_line(self._console, f"{line} …", style="dim")

    def warn(self, line: str) -> None:
        """In yellow."""
        print_line(self._console, line, style="yellow")

    def begin(self, trials: int, uri: str) -> None:
        """How many trials go where."""
        self.uri = uri
        print_line(self._console, f"{trials} trials → {uri}")
        self._open.enter_context(self._progress)

    def tell(self, status: Status) -> None:
        """How far they are."""
        self._has_run = True
        line, leaders = said(status), said_leaders(status)
        is_over = status.left == 0
        if self._progress.lives:
            self._progress.show(line, over=is_over, below=list(below(status)))
        else:
            self._progress.show(" \N{MIDDLE DOT} ".join(filter(None, (line, leaders))), over=is_over)
        self._look(status)

    @property
    def has_begun(self) -> bool:
        """Whether there is anything to go on with; where the storage does not answer soon, there may well be."""
        return self.uri is not None and (self._has_run or _holds_sweep(self.uri))


def listening(progress: Progress) -> AbstractContextManager[SweepListener]:
    """Who is told how a sweep goes that `run_sweep` runs.

    Raises:
        MtlkdError: where nobody knows what is asked for.
    """
    if progress is False:
        return nullcontext(Unheard())
    if progress is not True and not isinstance(progress, str):
        return nullcontext(progress)
    if progress not in {True, "auto"}:
        fix = 'give "auto", True, False or an object with the methods of a `SweepListener`'
        raise MtlkdError(f"{progress!r} is no way to show progress", where="progress", fix=fix)
    console = open_console()
    is_seen = progress is True or console.is_jupyter or console.is_terminal
    return _displayed(console) if is_seen else nullcontext(Unheard())


@contextmanager
def _displayed(console: Console) -> Iterator[SweepDisplay]:
    with SweepDisplay(console) as display:
        try:
            yield display
        except KeyboardInterrupt:
            if display.has_begun:
                print_line(console, f"stopped; run_sweep goes on with resume={display.uri!r} in place of out")
            raise


def _holds_sweep(uri: str) -> bool:
    found = [True]

    def look() -> None:
        with suppress(OSError):
            found[:] = [SweepFolder.at(uri).root.read(HEAD) is not None]

    thread = threading.Thread(target=look, name="look", daemon=True)
    thread.start()
    thread.join(_ANSWER_S)
    return found[0]

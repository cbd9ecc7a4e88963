"""A line that says how far something is."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.styled import Styled

from ray_mtlkd.console.notebook import NotebookOutput

_QUIET_S = 10.0


class LiveLine:
    """A line that lives on a terminal and in a notebook, with what stands below it; elsewhere one every ten seconds.

    Args:
        console: Where it stands.
        first: What it says before there is anything to say.
    """

    def __init__(self, console: Console, first: str) -> None:
        self._console = console
        self._first = first
        self._live = _alive(console)
        self._last = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
            self._live.update(self._first)
        else:
            self._console.print(self._first)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def lives(self) -> bool:
        """Whether what is said is replaced by what is said next."""
        return self._live is not None

    def show(self, line: str, *, over: bool, below: Sequence[RenderableType] = ()) -> None:
        """Say it now where it lives; elsewhere, without what is below, if it is time again, or all is over."""
        if self._live is not None:
            self._live.update(Group(line, *below))
            return
        now = time.monotonic()
        if now - self._last >= _QUIET_S or over:
            self._last = now
            self._console.print(line, soft_wrap=True)


def _alive(console: Console) -> Live | NotebookOutput | None:
    if console.is_jupyter:
        return NotebookOutput(console)
    return Live(console=console, refresh_per_second=4) if console.is_terminal else None


def print_line(console: Console, line: str, *, style: str = "") -> None:
    """A line that stays, and is wrapped by what shows it: in a notebook, rich's own would not be."""
    if console.is_jupyter:
        NotebookOutput(console).update(Styled(line, style))
    else:
        console.print(line, style=style, soft_wrap=True)


@contextmanager
def bar(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Draws how many parts of what are done while the body runs, on a terminal; nothing elsewhere, or afterwards."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        shown = progress.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(shown, description=what, completed=done, total=total if done else None)

        yield tell


def clock(seconds: float) -> str:
    """``0:07``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """``7 s``, ``3.5 min``, ``6.8 h``."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"

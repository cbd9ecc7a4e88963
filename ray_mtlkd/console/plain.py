"""A console that shows text as it is, on streams of any encoding."""

import codecs
import io
from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from ray_mtlkd.escapes import visible

HANDLER = "ray_mtlkd.plain"
"""Of signs that an encoding lacks (`codecs.register_error`)."""

_PLAIN = {
    "→": "->",
    "↑": "^",
    "↓": "v",
    "\N{EN DASH}": "-",
    "—": "--",
    "…": "...",
    "·": "|",
    "•": "*",
    "†": "*",
    "±": "+/-",
    "\N{MULTIPLICATION SIGN}": "x",
    "─": "-",
    "━": "-",
    "│": "|",
}
"""Signs that this package and rich print, in ASCII."""


class _PlainConsole(Console):
    """Shows control characters in names and messages, and obeys none but its own.

    Strings are spelled before they are laid out, in signs that its encoding has, so that tables stand; what comes as
    anything else, a `Text` say, on its way out.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """See `Console`."""
        known = visible(text).encode(self.encoding, HANDLER).decode(self.encoding, "surrogateescape")
        return super().render_str(known, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """See `Console`: everything that is shown passes here."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


def open_console(*, stderr: bool = False, quiet: bool = False) -> Console:
    """A terminal that shows text as it is: names with brackets and colons are no markup."""
    return _PlainConsole(stderr=stderr, quiet=quiet, highlight=False, emoji=False, markup=False)


def open_paper(width: int) -> Console:
    """A console that prints nowhere and holds what is printed, for `Console.export_html` and the like."""
    return _PlainConsole(
        file=io.StringIO(), record=True, width=width, force_jupyter=False, highlight=False, emoji=False, markup=False
    )


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for the first sign that an encoding lacks: a likeness, its number, or a file name's own byte."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    sign, end = error.object[error.start], error.start + 1
    if "\udc80" <= sign <= "\udcff":  # a byte of a file name that is no text (PEP 383)
        return bytes([ord(sign) - 0xDC00]), end
    return _PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode(), end


codecs.register_error(HANDLER, _in_ascii)

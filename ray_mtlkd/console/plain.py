"""A console that shows text as it is, on streams of any encoding."""

import codecs
import io
import re
from typing import Any

from rich.console import Console
from rich.text import Text

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

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What moves a cursor, colours or turns a terminal's text around; a tab and the end of a line are text."""


class _PlainConsole(Console):
    """Puts other signs for those that its encoding lacks before it lays text out, so that tables stand.

    Control characters in names and messages are shown, not obeyed.
    """

    def render_str(self, text: str, **options: Any) -> Text:
        """See `Console`."""
        shown = _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)
        known = shown.encode(self.encoding, HANDLER).decode(self.encoding, "surrogateescape")
        return super().render_str(known, **options)


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

"""An output of a notebook's cell that changes in place.

rich's own way, `rich.live`, needs ipywidgets, and what it shows is gone where a notebook is opened without its kernel.
"""

import time
from importlib import import_module
from typing import Any

from rich.console import Console, RenderableType

from ray_mtlkd.console.plain import open_paper

_PAUSE_S = 0.25
"""Between two changes, which travel to a browser."""
_HTML = (
    '<pre style="white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;line-height:1.3;'
    "font-family:Menlo,'DejaVu Sans Mono',consolas,monospace\">{code}</pre>"
)


class NotebookOutput:
    """One output, which is replaced as often as there is something new, and stays.

    Args:
        console: How wide tables may be; lines are as wide as the browser's window.
    """

    def __init__(self, console: Console) -> None:
        self._width = console.width
        self._shown: Any = None
        self._waiting: RenderableType | None = None
        self._last = 0.0

    def start(self) -> None:
        """Nothing is there before something is shown."""

    def update(self, renderable: RenderableType) -> None:
        """Show it, or hold it back where something was shown a moment ago."""
        self._waiting = renderable
        if time.monotonic() - self._last >= _PAUSE_S:
            self._show()

    def stop(self) -> None:
        """Show what is held back."""
        if self._waiting is not None:
            self._show()

    def _show(self) -> None:
        paper = open_paper(self._width)
        paper.print(self._waiting, soft_wrap=True)
        self._waiting, self._last = None, time.monotonic()
        html = paper.export_html(code_format=_HTML, inline_styles=True, clear=False)
        data = {"text/html": html, "text/plain": paper.export_text()}
        if self._shown is None:
            self._shown = import_module("IPython.display").display(data, raw=True, display_id=True)
        else:
            self._shown.update(data, raw=True)

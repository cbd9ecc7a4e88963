"""Standard error, held back for a while."""

import os
import sys
import tempfile
import threading
from typing import BinaryIO

_STDERR = 2


class HeldErrors:
    """What this process writes to standard error, kept for a while: what Ray's core prints by itself as well."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._terminal: int | None = None
        self._file: BinaryIO | None = None
        self._is_over = False

    def hold(self) -> None:
        """Keep it from now on; do nothing once it has been released."""
        with self._changing:
            if self._is_over:
                return
            sys.stderr.flush()
            self._terminal, self._file = os.dup(_STDERR), tempfile.TemporaryFile()  # noqa: SIM115 - see `release`
            os.dup2(self._file.fileno(), _STDERR)

    def release(self) -> str:
        """What was kept; nothing is from now on."""
        with self._changing:
            self._is_over = True
            if self._terminal is None or self._file is None:
                return ""
            sys.stderr.flush()
            os.dup2(self._terminal, _STDERR)
            os.close(self._terminal)
            with self._file as file:
                file.seek(0)
                found = file.read().decode(errors="replace")
            self._terminal = self._file = None
            return found

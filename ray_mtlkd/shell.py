"""Commands as a user can copy them into a shell."""

import shlex
from pathlib import Path


def command(*words: str | Path) -> str:
    """The words in one line, each quoted where it must be: a path with a space, say."""
    return shlex.join(str(word) for word in words)

"""``python -m ray_mtlkd``: the command line."""

import sys

_STOPPED = 130
"""Exit code after Ctrl-C, as a shell has it."""


def main() -> None:
    """Run the command line; Ctrl-C ends it without a word of Python's while it is imported, too."""
    try:
        from ray_mtlkd.cli import main as run  # noqa: PLC0415 - it takes most of a second
    except KeyboardInterrupt:
        sys.exit(_STOPPED)
    run()


if __name__ == "__main__":
    main()

"""Processes as Linux tells of them."""

from contextlib import suppress
from pathlib import Path


def below(pid):
    """All processes below ``pid``, by number: their command lines."""
    found, frontier = {}, [pid]
    while frontier:
        with suppress(OSError):  # processes come and go
            for task in Path(f"/proc/{frontier.pop()}/task").iterdir():
                for child in map(int, (task / "children").read_text().split()):
                    found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode().rstrip()
                    frontier.append(child)
    return found


def lives(pid):
    """Whether a process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def marked(variable):
    """Processes that have ``NAME=VALUE`` in their environment, by number: their command lines."""
    found = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").rstrip()
                found[int(folder.name)] = line
    return found

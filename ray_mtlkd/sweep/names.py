"""Names that are safe in file names."""

import re


def safe_name(name: str) -> str:
    """A setup's or a strategy's name as a part of a file name; of a path, its last part."""
    return re.sub(r"[^\w.+]", "_", name.rsplit("/", 1)[-1])

"""A proposed manifest as YAML that says why."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from ray_mtlkd.setups.manifest import InputSpec
from ray_mtlkd.setups.proposal.guess import Guess, share_rows

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:[./@ -][A-Za-z0-9_]+)*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_OF_ROWS = frozenset(field.name for field in fields(InputSpec))
"""Keys that `shared` has for all tasks."""
_REASONS_AT = 42
"""Column before which a key and its value mostly end."""


def manifest_text(name: str, tasks: Sequence[Guess]) -> str:
    """The manifest of some tasks whose data lies beside it, a reason beside each key."""
    lines = ["# Guessed from the tables, a reason beside each key: change what is wrong.", f"name: {plain(name)}"]
    shared: Mapping[str, tuple[Any, str]] = {}
    if share_rows(tasks):
        shared = {key: told for key, told in tasks[0].keys.items() if key in _OF_ROWS}
        lines += [_line("shared:", "one table: a batch, and a pass through the encoder, serve all tasks")]
        lines += [_line(f"  {key}: {plain(value)}", why) for key, (value, why) in shared.items()]
    lines.append("tasks:")
    for task in tasks:
        lines.append(f"  {plain(task.name)}:")
        own = {key: told for key, told in task.keys.items() if key not in shared}
        lines += [_line(f"    {key}: {plain(value)}", why) for key, (value, why) in own.items()]
        lines += [f"    # {one_line(note)}" for note in task.notes]
    return "\n".join([*lines, ""])


def plain(value: Any) -> str:
    """A value as YAML in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{plain(key)}: {plain(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(plain, value)) + "]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.casefold() not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def one_line(text: str) -> str:
    """A text without line ends, which would end a comment."""
    return " ".join(text.split())


def _line(said: str, why: str) -> str:
    return f"{said:<{_REASONS_AT}}  # {one_line(why)}"

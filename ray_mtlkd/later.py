"""Modules that are imported when they are first used."""

import importlib
from typing import Any


class Later:
    """Stands for a module that takes long to import, and that not every process needs.

    Args:
        name: Of the module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """What the module holds under this name; it is looked up once."""
        found = getattr(importlib.import_module(self._name), attribute)
        self.__dict__[attribute] = found
        return found

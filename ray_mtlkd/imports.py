"""Imports of large libraries: put off until they are needed, and without searches for garbage."""

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def unsearched() -> Iterator[None]:
    """While the body makes a great many objects of which hardly any is garbage, Python does not search them for it."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searched:
            gc.enable()


@contextmanager
def importing() -> Iterator[None]:
    """While the body imports, Python does not search for garbage, and afterwards never among what is there then.

    The half million objects of PyTorch, Ray and the like stay until the process ends: searching them again and again
    finds nothing, while they are imported and as the process ends.
    """
    with unsearched():
        try:
            yield
        finally:
            gc.freeze()

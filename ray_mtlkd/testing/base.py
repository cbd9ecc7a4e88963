"""What all checks have in common."""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def expect(kept: object, broken: str) -> None:
    """Say which promise is broken, where it is not kept.

    Raises:
        AssertionError: with that sentence.
    """
    if not kept:
        raise AssertionError(broken)


def expect_structure(contract: Callable[[Any], str | None], part: object) -> None:
    """Hold a part's class to what its registry asks of it, and its name to being one.

    Raises:
        AssertionError: where it lacks something.
    """
    problem = contract(type(part))
    expect(problem is None, f"{type(part).__name__}: {problem}")
    name = getattr(part, "name", None)
    expect(isinstance(name, str) and name, f"`name` is {name!r}, not text")


@contextmanager
def global_chance_untouched(owner: str) -> Iterator[Callable[[], None]]:
    """Hold the body to drawing nothing from Python's, NumPy's or torch's global generator.

    Yields:
        What moves Python's, on which nothing in the body may depend.

    Raises:
        AssertionError: where it has drawn, also where another promise is broken by that.
    """
    before, python = _generators(), random.Random()  # noqa: S311 - reproducible
    python.setstate(random.getstate())

    def move() -> None:
        random.random()  # noqa: S311 - likewise
        python.random()

    def check() -> None:
        expected = {**before, "random": python.getstate()}
        for library, state in _generators().items():
            expect(expected.get(library, state) == state, f"{owner} draws from the global generator of {library}")

    try:
        yield move
    except AssertionError:
        check()
        raise
    check()


def _generators() -> dict[str, object]:
    """States of the generators of the libraries that are imported."""
    states: dict[str, object] = {"random": random.getstate()}
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        states["numpy"] = (kind, keys.tobytes(), *rest)
    if torch is not None:
        states["torch"] = torch.get_rng_state().numpy().tobytes()
    return states

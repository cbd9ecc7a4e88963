"""The leaves of a search space: which values a hyper-parameter may take, and which one stands where in its domain.

A leaf is a mapping with one key.
"""

import difflib
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scipy.special import gammaincinv

from ray_mtlkd.decode import join, unknown_name
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.sweep.spellings import respelled

Value = Callable[[Sequence[float]], Any]


@dataclass(frozen=True)
class Domain:
    """A set of values.

    Attributes:
        kind: The key in the search space, e.g. ``loguniform``.
        candidates: Values that stand for all others when the space is validated: all of them, or both ends.
        value: The value at a place [axes], each number of it in [0, 1): evenly spread places give evenly spread values.
        axes: How many numbers say a place, given the number of tasks.
    """

    kind: str
    candidates: tuple[Any, ...]
    value: Value
    axes: Callable[[int], int] = lambda _: 1


def _one_of(kind: str, options: Any, where: str) -> Domain:
    if not isinstance(options, list) or not options:
        what = f"{kind} of nothing" if options in ([], None) else f"{options!r} is no list"
        raise MtlkdError(what, where=where, fix=f"list at least one value: {{{kind}: [1, 2]}}")
    return Domain(kind, tuple(options), lambda place: options[int(place[0] * len(options))])


def _range(kind: str, bounds: Any, where: str) -> Domain:
    numbers = isinstance(bounds, list) and all(
        isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds
    )
    if not numbers or len(bounds) != 2:  # noqa: PLR2004 - a range has two ends
        raise MtlkdError(f"{kind} needs two numbers, not {bounds!r}", where=where, fix=f"write {{{kind}: [low, high]}}")
    low, high = bounds
    if not low < high:
        raise MtlkdError(f"empty: {low} is not below {high}", where=where, fix="put the lower end first")
    if kind.startswith("log") and low <= 0:
        raise MtlkdError(f"{low} has no logarithm", where=where, fix="start above 0")
    if kind == "randint":
        if not (isinstance(low, int) and isinstance(high, int)):
            raise MtlkdError("randint needs whole numbers", where=where, fix="write {randint: [1, 4]}")
        return Domain(kind, (low, high - 1), lambda place: low + int(place[0] * (high - low)))
    if kind == "loguniform":
        start, stop = math.log(low), math.log(high)
        ends = (float(low), float(high))
        return Domain(kind, ends, lambda place: math.exp(start + place[0] * (stop - start)))
    return Domain(kind, (float(low), float(high)), lambda place: low + place[0] * (high - low))


def _simplex(kind: str, concentration: Any, where: str) -> Domain:
    if isinstance(concentration, bool) or not isinstance(concentration, int | float) or concentration <= 0:
        raise MtlkdError(
            f"{concentration!r} is not a concentration", where=where, fix="write {simplex: 1.0}; higher is more even"
        )
    return Domain(kind, ([1.0],), lambda place: _weights(place, float(concentration)), axes=lambda tasks: tasks)


def _weights(place: Sequence[float], concentration: float) -> list[float]:
    """A point of the simplex by a symmetric Dirichlet distribution: gamma quantiles over their mean [T]."""
    shares = [float(gammaincinv(concentration, at)) for at in place]
    if sum(shares) == 0.0:  # a concentration so low that all of them underflow: one task has everything
        shares = [float(at == max(place)) for at in place]
    return [share * len(place) / sum(shares) for share in shares]


_KINDS: Mapping[str, Callable[[str, Any, str], Domain]] = {
    "choice": _one_of,
    "grid": _one_of,
    "uniform": _range,
    "loguniform": _range,
    "randint": _range,
    "simplex": _simplex,
}


def is_leaf(value: Any) -> bool:
    """Whether a value in a search space is a domain."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _KINDS


def find(tree: Any, where: str) -> Iterator[tuple[str, Domain | MtlkdError]]:
    """Every domain in a tree with its YAML path, or what is wrong with it."""
    if is_leaf(tree):
        kind, options = next(iter(tree.items()))
        try:
            yield where, _KINDS[kind](kind, options, join(where, kind))
        except MtlkdError as error:
            yield where, error
        return
    problem = respelled(tree, where) or _almost_a_leaf(tree, where)
    if problem is not None:
        yield where, problem
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield from find(value, join(where, str(key)))
    elif isinstance(tree, list):
        for at, value in enumerate(tree):
            yield from find(value, join(where, at))


def _almost_a_leaf(tree: Any, where: str) -> MtlkdError | None:
    """What is wrong with a mapping that was meant as a domain."""
    if not isinstance(tree, dict):
        return None
    keys = [str(key) for key in tree]
    if len(keys) > 1 and all(key in _KINDS for key in keys):
        return MtlkdError(f"{len(keys)} domains at once: {', '.join(keys)}", where=where, fix="keep one of them")
    if len(keys) == 1 and isinstance(tree[keys[0]], list) and _is_close(keys[0]):
        return unknown_name(keys[0], _KINDS, what="domain", where=where)
    return None


@functools.lru_cache
def _is_close(key: str) -> bool:
    """Whether a key may be a domain's name with a slip."""
    return bool(difflib.get_close_matches(key, _KINDS, n=1, cutoff=0.75))


def extent(tree: Any) -> tuple[int, int]:
    """How many values a tree has, and how many candidates all its domains."""
    if isinstance(tree, dict):
        parts = [extent(value) for value in tree.values()]
    elif isinstance(tree, list):
        parts = [extent(value) for value in tree]
    else:
        return 1, 0
    own = 0
    if is_leaf(tree):
        ((kind, options),) = tree.items()
        own = len(options) if kind in {"choice", "grid"} and isinstance(options, list) else 2
    return 1 + sum(values for values, _ in parts), own + sum(candidates for _, candidates in parts)


def fill(tree: Any, values: Mapping[str, Any], where: str = "") -> Any:
    """The tree with every domain replaced by its value, by YAML path."""
    if is_leaf(tree):
        return values[where]
    if isinstance(tree, dict):
        return {key: fill(value, values, join(where, str(key))) for key, value in tree.items()}
    if isinstance(tree, list):
        return [fill(value, values, join(where, at)) for at, value in enumerate(tree)]
    return tree

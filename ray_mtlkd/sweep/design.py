"""Which points of a search space are tried: few of them, spread as evenly as so few can be.

A scrambled Halton sequence (Owen 2017, arXiv:1706.02808): one axis a setting, each of a prime base of its own. Its
first n points are the same whatever n is, and its first d axes whatever d is. So the settings that all strategies
share, which have the first axes, take the same values in every strategy, those of a strategy are spread against them,
and configurations or strategies that come later change nothing.

Sobol sequences halve some axes alike for the first points, however scrambled: of eight configurations, a strategy's own
switch would be on at high learning rates only. Latin hypercubes have other points for every n.
"""

import functools
import hashlib
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ray_mtlkd.imports import Later
from ray_mtlkd.sweep.domains import Domain

_qmc = Later("scipy.stats.qmc")

_BLOCK = 64

Place = tuple[float, ...]
"""A number in [0, 1) for each axis of a design."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The points of one strategy, by the configuration's number.

    Attributes:
        seed: Of the search.
        shared: Domains of the settings that the space has for all strategies, by path.
        own: Those that the strategy alone has; a path that is in both is its own.
    """

    seed: int
    shared: Mapping[str, Domain]
    own: Mapping[str, Domain]

    @property
    def grid_size(self) -> int:
        """How many points the product of all grids has; 1 where there is no grid."""
        return math.prod(len(domain.candidates) for domain in (*_grids(self.shared), *_grids(self.own)))

    def values(self, index: int, *, tasks: int, place: Place | None = None) -> dict[str, Any]:
        """The values of configuration number ``index``, by path.

        Args:
            index: From 0.
            tasks: Of the setup.
            place: Where its axes are; as the sequence says unless told.
        """
        turn, shared = self._grid_point(self.shared, index)
        _, own = self._grid_point(self.own, turn)
        axes = iter(self.place(index, tasks=tasks) if place is None else place)
        spread = {
            path: domain.value(tuple(itertools.islice(axes, domain.axes(tasks)))) for path, domain in self._axes()
        }
        return {**shared, **own, **spread}

    def place(self, index: int, *, tasks: int) -> Place:
        """Where configuration number ``index`` lies in the sequence."""
        width = sum(domain.axes(tasks) for _, domain in self._axes())
        if not width:
            return ()
        block, at = divmod(index, _BLOCK)
        return _halton(self._key("halton"), width, block)[at]

    def _axes(self) -> list[tuple[str, Domain]]:
        """All that is no grid."""
        return [*_drawn(self.shared), *_drawn(self.own)]

    def _grid_point(self, domains: Mapping[str, Domain], index: int) -> tuple[int, dict[str, Any]]:
        """How often the product of the grids was run through before ``index``, and the point that stands there.

        Each time in another order, since the axes of a sequence have an order of their own.
        """
        grids = {path: domain for path, domain in sorted(domains.items()) if domain.kind == "grid"}
        if not grids:
            return index, {}
        sizes = [len(domain.candidates) for domain in grids.values()]
        turn, at = divmod(index, math.prod(sizes))
        point = _shuffled(self._key("grid", *grids, turn), math.prod(sizes))[at]
        places = np.unravel_index(point, sizes)
        return turn, {path: grids[path].candidates[place] for path, place in zip(grids, places, strict=True)}

    def _key(self, *parts: object) -> int:
        """Seeds what is drawn for some parts of the design."""
        text = "/".join(map(str, (self.seed, *parts)))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


@functools.lru_cache(maxsize=256)
def _halton(key: int, width: int, block: int) -> list[Place]:
    """Points of a sequence, a block of them, since the sequence takes long to draw."""
    sequence = _qmc.Halton(width, scramble=True, rng=np.random.default_rng(key))
    return [tuple(point) for point in sequence.fast_forward(block * _BLOCK).random(_BLOCK).tolist()]


@functools.lru_cache(maxsize=256)
def _shuffled(key: int, count: int) -> list[int]:
    order: list[int] = np.random.default_rng(key).permutation(count).tolist()
    return order


def _grids(domains: Mapping[str, Domain]) -> Iterator[Domain]:
    return (domain for domain in domains.values() if domain.kind == "grid")


def _drawn(domains: Mapping[str, Domain]) -> list[tuple[str, Domain]]:
    """What has axes, choices last: the first axes are spread best, and a choice needs that least."""
    return sorted(
        ((path, domain) for path, domain in domains.items() if domain.kind != "grid"),
        key=lambda item: (item[1].kind == "choice", item[0]),
    )

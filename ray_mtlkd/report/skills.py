"""Mean skill of every strategy, in points, by seed and configuration: what strategies are compared by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report.runs import Key, Runs, Setup
from ray_mtlkd.report.statistics import Floats, mean_of_finite

POINTS = 100
"""Of skill: from the trivial predictor to a perfect one."""


@dataclass(frozen=True, kw_only=True)
class Skills:
    """Strategies that can be compared with each other, side by side.

    Attributes:
        strategies: Names [k].
        seeds: What they are paired by [n].
        configurations: Which configurations each strategy's are [k]; strategies with the same ones share the settings
            that are drawn for all.
        test: Mean skill over tasks in points [k, n, m], NaN where a strategy has no such seed or configuration.
        valid: Likewise on validation.
        borrowed: How many of the last strategies are others' on each seed: they tell nothing new of variances.
    """

    strategies: tuple[str, ...]
    seeds: tuple[Key, ...]
    configurations: tuple[tuple[object, ...], ...]
    test: Floats
    valid: Floats
    borrowed: int = 0

    def chosen_without(self, seed: int, among: Sequence[str]) -> str | None:
        """Which of some strategies has the best mean skill on validation over all seeds but one.

        Args:
            seed: Its place in ``seeds``; with a single seed there is no other to choose on, and it chooses.
            among: In the order that equals are taken in.
        """
        others = np.delete(self.valid, seed, axis=1) if len(self.seeds) > 1 else self.valid
        return self._best(others, among)

    def chosen(self, among: Sequence[str]) -> str | None:
        """Which of some strategies has the best mean skill on validation."""
        return self._best(self.valid, among)

    def mean_valid(self) -> dict[str, float]:
        """Of each strategy, over its seeds and configurations, in points."""
        return dict(zip(self.strategies, map(float, mean_of_finite(self.valid, axis=(1, 2))), strict=True))

    def with_best(self, name: str, by_seed: Mapping[Key, str]) -> "Skills":
        """The same with one more row, which is another strategy's on each of some seeds."""
        columns = [at for at, seed in enumerate(self.seeds) if seed in by_seed]
        places = [self.strategies.index(by_seed[self.seeds[at]]) for at in columns]
        own = {self.configurations[at] for at in places}
        rows = {}
        for split, values in (("test", self.test), ("valid", self.valid)):
            row = np.full_like(values[:1], np.nan)
            row[0, columns] = values[places, columns]
            rows[split] = np.concatenate([values, row])
        return Skills(
            strategies=(*self.strategies, name),
            seeds=self.seeds,
            configurations=(*self.configurations, own.pop() if len(own) == 1 else (name,)),
            test=rows["test"],
            valid=rows["valid"],
            borrowed=self.borrowed + 1,
        )

    def _best(self, valid: Floats, among: Sequence[str]) -> str | None:
        known = [name for name in among if name in self.strategies]
        means = mean_of_finite(valid[[self.strategies.index(name) for name in known]], axis=(1, 2))
        finite = np.isfinite(means)
        return known[int(np.where(finite, means, -np.inf).argmax())] if finite.any() else None


def skill(metrics: Floats, runs: Runs) -> Floats:
    """How far metrics [N, T] are between the trivial predictor (0) and a perfect one (1).

    (m - trivial) / (perfect - trivial), by the trivial predictor's metric on validation: the scale of the checkpoint
    rule. Where that is already perfect there is nothing to learn: 1 for a perfect value, else 0.
    """
    trivial, perfect = runs.per_task["trivial"], runs.per_task["perfect"]
    reach = perfect - trivial
    found: Floats = np.where(
        reach == 0, (metrics == perfect).astype(np.float64), (metrics - trivial) / np.where(reach == 0, 1.0, reach)
    )
    return found


def points(metrics: Floats, runs: Runs) -> Floats:
    """What each task adds to the mean skill of metrics [N, T], in points [N, T]: by its weight."""
    weights = runs.per_task["weight"]
    found: Floats = POINTS * weights * skill(metrics, runs) / weights.sum(axis=1, keepdims=True)
    return found


def by_task(runs: Runs) -> Floats:
    """What each task adds to a strategy's mean skill on test, in points [N, T]."""
    return points(runs.per_task["test"], runs)


def comparable(runs: Runs) -> bool:
    """Whether a strategy has finished trials, all of which trained every task and have a number on each."""
    measured = np.isfinite(runs.per_task["test"]).all() and np.isfinite(runs.per_task["valid"]).all()
    return bool(runs.keys) and not any(runs.untrained) and bool(measured)


def skills(setup: Setup) -> Skills:
    """The strategies of one setup that can be compared."""
    found = [runs for runs in setup.runs if comparable(runs)]
    seeds = tuple(sorted({key for runs in found for key in runs.keys}))
    ranks = [_ranks(runs) for runs in found]
    width = max((max(each) + 1 for each in ranks), default=1)
    tables = {name: np.full((len(found), len(seeds), width), np.nan) for name in ("test", "valid")}
    places = {key: at for at, key in enumerate(seeds)}
    for at, (runs, each) in enumerate(zip(found, ranks, strict=True)):
        rows = [places[key] for key in runs.keys]
        for name, table in tables.items():
            table[at, rows, each] = points(runs.per_task[name], runs).sum(axis=1)
    return Skills(
        strategies=tuple(runs.strategy.name for runs in found),
        seeds=seeds,
        configurations=tuple(_configurations(runs) for runs in found),
        test=tables["test"],
        valid=tables["valid"],
    )


def skills_across(parts: Sequence[Skills]) -> Skills:
    """The mean over setups of what strategies of all setups have, for each seed that ran in all of them.

    A seed that several sweeps ran in a setup counts there with its mean. The first configuration of each setup makes
    the first of all, and so on.
    """
    names = tuple(name for name in parts[0].strategies if all(name in part.strategies for part in parts))
    shared = sorted(set.intersection(*({seed for _, seed in part.seeds} for part in parts)))
    width = min(part.test.shape[2] for part in parts)
    tables = {}
    for split in ("test", "valid"):
        means = [
            np.stack([_by_number(getattr(part, split)[part.strategies.index(name)], part, shared) for name in names])
            if names
            else np.empty((0, len(shared), part.test.shape[2]))
            for part in parts
        ]
        tables[split] = np.mean([each[:, :, :width] for each in means], axis=0)
    return Skills(
        strategies=names,
        seeds=tuple(("", seed) for seed in shared),
        configurations=tuple(
            tuple(part.configurations[part.strategies.index(name)] for part in parts) for name in names
        ),
        test=tables["test"],
        valid=tables["valid"],
        borrowed=min(part.borrowed for part in parts),
    )


def _ranks(runs: Runs) -> list[int]:
    """The place of each trial's configuration among those of its seed [N]."""
    counts: dict[Key, int] = {}
    found = []
    for key in runs.keys:
        found.append(counts.get(key, 0))
        counts[key] = found[-1] + 1
    return found


def _configurations(runs: Runs) -> tuple[object, ...]:
    """Which ones a strategy replicates, by sweep."""
    return tuple(sorted({(key[0], index) for key, index in zip(runs.keys, runs.configurations, strict=True)}))


def _by_number(values: Floats, part: Skills, numbers: Sequence[int]) -> Floats:
    """The mean over sweeps of a strategy's values [n, m] for each seed's number [s, m]."""
    rows = [[at for at, (_, seed) in enumerate(part.seeds) if seed == number] for number in numbers]
    return np.array([mean_of_finite(values[row], axis=0) for row in rows]).reshape(len(numbers), values.shape[1])

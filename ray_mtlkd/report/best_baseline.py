"""The best baseline, chosen for each seed on all others: no seed judges what it helped to choose."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Key, Runs, Setup
from ray_mtlkd.report.skills import Skills

BEST_BASELINE = "best baseline"
"""Stands where a strategy's name would."""


@dataclass(frozen=True, kw_only=True)
class BestBaseline:
    """Which baseline is the best one in a setup.

    Attributes:
        by_seed: Whose metrics stand for it on each seed.
        overall: The one with the best mean skill on validation over all seeds.
    """

    by_seed: Mapping[Key, str]
    overall: str

    @property
    def only(self) -> str | None:
        """The one that it is on every seed; None where seeds disagree."""
        names = set(self.by_seed.values())
        return names.pop() if len(names) == 1 else None

    @property
    def said(self) -> str:
        """Its name, or the names and on how many seeds each is the best."""
        counts = Counter(self.by_seed.values()).most_common()
        return counts[0][0] if len(counts) == 1 else ", ".join(f"{name} on {count}" for name, count in counts)


def best_baseline(setup: Setup, found: Skills) -> BestBaseline | None:
    """The baseline with the best mean skill on validation, on each seed by the other seeds; None where there is none.

    Candidates have the role ``baseline``: joint training to the end, under any balancer. Distilling strategies,
    controls and single_task are no candidates. Test metrics are never looked at. Ties go to ``sum``.
    """
    baselines = [runs.strategy.name for runs in setup.runs if runs.strategy.role == "baseline"]
    overall = found.chosen(baselines)
    if overall is None:
        return None
    by_seed = {}
    for at, key in enumerate(found.seeds):
        here = [name for name in baselines if name in found.strategies and _has(found, name, at)]
        # a baseline that has no other seed is better than none
        name = found.chosen_without(at, here) or found.chosen(here)
        if name is not None:
            by_seed[key] = name
    return BestBaseline(by_seed=by_seed, overall=overall)


def as_runs(best: BestBaseline, setup: Setup) -> Runs:
    """The trials that stand for the best baseline, as one more strategy."""
    parts = {name: runs for name in set(best.by_seed.values()) if (runs := setup.of(name)) is not None}
    places = [(parts[name], at) for key, name in best.by_seed.items() for at in _at(parts[name], key)]
    first = places[0][0]
    return replace(
        first,
        strategy=replace(first.strategy, name=BEST_BASELINE),
        keys=tuple(runs.keys[at] for runs, at in places),
        configurations=tuple(runs.configurations[at] for runs, at in places),
        trials=tuple(runs.trials[at] for runs, at in places),
        per_task={name: np.array([runs.per_task[name][at] for runs, at in places]) for name in first.per_task},
        per_trial={name: np.array([runs.per_trial[name][at] for runs, at in places]) for name in first.per_trial},
        missing=(),
        untrained=tuple(runs.untrained[at] for runs, at in places),
    )


def told(bests: Mapping[str, BestBaseline | None]) -> str:
    """The best baselines of several setups in words."""
    names = {setup: text.code(best.said if best is not None else "none") for setup, best in bests.items()}
    found = set(names.values())
    return (
        found.pop() if len(found) == 1 else "; ".join(f"{best} in {text.plain(setup)}" for setup, best in names.items())
    )


def _has(found: Skills, name: str, seed: int) -> bool:
    return bool(np.isfinite(found.test[found.strategies.index(name), seed]).any())


def _at(runs: Runs, key: Key) -> list[int]:
    return [at for at, other in enumerate(runs.keys) if other == key]

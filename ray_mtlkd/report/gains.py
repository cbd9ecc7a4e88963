"""How much better a strategy is than a reference, in percent, seed by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_mtlkd.report.runs import Key, Runs, Setup
from ray_mtlkd.report.statistics import Floats

Split = Literal["valid", "test"]


@dataclass(frozen=True, kw_only=True)
class Gains:
    """The gains of one strategy over one reference in one setup.

    Attributes:
        reference: Name of the reference strategy.
        keys: The seeds that both have [n].
        percent: [n], finite; empty where the gain is undefined.
        undefined: Why the gain is undefined, one sentence a task; empty where it is defined.
    """

    strategy: str
    reference: str
    keys: tuple[Key, ...]
    percent: Floats
    undefined: tuple[str, ...] = ()

    @property
    def is_self(self) -> bool:
        """Whether the strategy is its own reference (its gain is zero by definition)."""
        return self.strategy == self.reference


def gain(metrics: Floats, reference: Floats, signs: Floats) -> Floats:
    """Relative improvement in percent, averaged over tasks: 100/T sum_t s_t (m_t - b_t) / |b_t|.

    Args:
        metrics: m [n, T].
        reference: b [n, T], the same seeds in the same order.
        signs: s [T], +1 where a higher metric is better, else -1.

    Returns:
        [n]; NaN where a task's reference is zero or a metric is missing.
    """
    size = np.where(reference == 0, np.nan, np.abs(reference))
    improvement: Floats = (100 * signs * (metrics - reference) / size).mean(axis=1)
    return improvement


def paired(runs: Runs, reference: Runs, *, setup: Setup, split: Split) -> Gains:
    """The gains of ``runs`` over ``reference`` on the seeds that both have.

    One seed without a defined gain leaves the whole comparison undefined: to drop that seed would favour whoever
    did badly on it.
    """
    ours, theirs = common(runs.keys, reference.keys)
    metrics = runs.per_task[split][ours]
    base = reference.per_task[split][theirs]
    keys = tuple(runs.keys[at] for at in ours)
    names = {"strategy": runs.strategy.name, "reference": reference.strategy.name}
    undefined = []
    for at, task in enumerate(setup.tasks):
        zeros, gaps = base[:, at] == 0, ~np.isfinite(metrics[:, at] + base[:, at])
        if zeros.any():
            undefined.append(f"the {task.metric} of {names['reference']} is 0 on task {task.name}")
        elif gaps.any():
            undefined.append(f"the {task.metric} on task {task.name} is missing or not finite")
    percent = np.empty(0) if undefined else gain(metrics, base, setup.signs)
    return Gains(**names, keys=keys, percent=percent, undefined=tuple(undefined))


def best_baseline(setup: Setup) -> tuple[str | None, tuple[str, ...]]:
    """The baseline with the best mean validation gain over ``sum`` across seeds, and warnings.

    Candidates have the role ``baseline``: joint training to the end, under any balancer. Distilling strategies,
    controls and single_task are no candidates. Test metrics are never looked at. Ties go to ``sum``. Where ``sum`` is
    missing or a gain over it is undefined, the mean validation score chooses instead.
    """
    candidates = [runs for runs in setup.runs if runs.strategy.role == "baseline" and runs.keys]
    if not candidates:
        return None, (f"{setup.name}: no baseline has a finished trial, so there is no gain over the best baseline",)
    base = setup.of("sum")
    means: dict[str, float] = {}
    problems = ["`sum` has no finished trial"] if base is None else []
    for runs in candidates:
        if base is None:
            break
        gains = paired(runs, base, setup=setup, split="valid")
        problems.extend(gains.undefined)
        if len(gains.percent):
            means[runs.strategy.name] = float(gains.percent.mean())
    warnings: tuple[str, ...] = ()
    if problems:
        why = "; ".join(dict.fromkeys(problems))
        warnings = (f"{setup.name}: the best baseline was chosen by mean validation score, because {why}",)
        means = {runs.strategy.name: float(runs.per_trial["score"].mean()) for runs in candidates}
    return max(means, key=lambda name: (means[name], name == "sum")), warnings


def ranks(gains: Sequence[Gains]) -> dict[str, float]:
    """Mean rank of each strategy over seeds (1 is best), by gain over ``sum``, among those that finished the seed.

    Args:
        gains: Over the same reference, one a strategy; undefined ones take no part.
    """
    places: dict[str, list[float]] = {}
    for key in sorted({key for each in gains for key in each.keys}):
        here = {
            each.strategy: each.percent[each.keys.index(key)]
            for each in gains
            if key in each.keys and not each.undefined
        }
        percents = np.array(list(here.values()))
        for name, percent in here.items():
            better, ties = (percents > percent).sum(), (percents == percent).sum()
            places.setdefault(name, []).append(better + (ties + 1) / 2)
    return {name: float(np.mean(values)) for name, values in places.items()}


def across(gains: Sequence[Gains]) -> tuple[Floats, float]:
    """The mean over setups of one strategy's gains over one kind of reference.

    Args:
        gains: One a setup, each with at least one seed.

    Returns:
        The mean over setups for each seed that ran in all of them (a seed that several sweeps ran in a setup counts
        there with its mean), empty where there is none; and the mean over all setups' means.
    """
    by_setup = []
    for each in gains:
        values: dict[int, list[float]] = {}
        for (_, seed), percent in zip(each.keys, each.percent, strict=True):
            values.setdefault(seed, []).append(float(percent))
        by_setup.append({seed: float(np.mean(found)) for seed, found in values.items()})
    shared = sorted(set.intersection(*(set(values) for values in by_setup)))
    per_seed = np.array([np.mean([values[seed] for values in by_setup]) for seed in shared])
    return per_seed, float(np.mean([np.mean(list(values.values())) for values in by_setup]))


def common(ours: Sequence[Key], theirs: Sequence[Key]) -> tuple[list[int], list[int]]:
    """Where the seeds that both have stand in each, in the order of the first."""
    places = {key: at for at, key in enumerate(theirs)}
    pairs = [(at, places[key]) for at, key in enumerate(ours) if key in places]
    return [at for at, _ in pairs], [at for _, at in pairs]

"""How much better a strategy is than a reference, in percent, seed by seed: the paper's scale."""

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
        by_task: The percents that the tasks add to it on average over seeds [T]; empty likewise.
        undefined: Why the gain is undefined, one sentence a task; empty where it is defined.
    """

    strategy: str
    reference: str
    keys: tuple[Key, ...]
    percent: Floats
    by_task: Floats
    undefined: tuple[str, ...] = ()


def gain(metrics: Floats, reference: Floats, signs: Floats, weights: Floats | None = None) -> Floats:
    """Relative improvement in percent, averaged over tasks: 100 sum_t w_t s_t (m_t - b_t) / |b_t| / sum_t w_t.

    Args:
        metrics: m [n, T].
        reference: b [n, T], the same seeds in the same order.
        signs: s [T], +1 where a higher metric is better, else -1.
        weights: w [T]; without them, all alike.

    Returns:
        [n]; NaN where a task's reference is zero or a metric is missing.
    """
    found: Floats = _shares(metrics, reference, signs, weights).sum(axis=1)
    return found


def paired(runs: Runs, reference: Runs, *, setup: Setup, split: Split) -> Gains:
    """The gains of ``runs`` over ``reference`` on the seeds that both have.

    One seed without a defined gain leaves the whole comparison undefined: to drop that seed would favour whoever
    did badly on it.
    """
    ours, theirs = common(runs.seeds, reference.seeds)
    metrics = runs.over_configurations(runs.per_task[split])[ours]
    base = reference.over_configurations(reference.per_task[split])[theirs]
    keys = tuple(runs.seeds[at] for at in ours)
    strategy, name = runs.strategy.name, reference.strategy.name
    undefined = []
    for at, task in enumerate(setup.tasks):
        zeros, gaps = base[:, at] == 0, ~np.isfinite(metrics[:, at] + base[:, at])
        if zeros.any():
            undefined.append(f"the {task.metric} of {name} is 0 on task {task.name}")
        elif gaps.any():
            undefined.append(f"the {task.metric} on task {task.name} is missing or not finite")
    nothing = np.empty(0)
    if undefined or not keys:
        why = tuple(undefined)
        return Gains(strategy=strategy, reference=name, keys=keys, percent=nothing, by_task=nothing, undefined=why)
    shares = _shares(metrics, base, setup.signs, runs.per_task["weight"][0])
    means = shares.mean(axis=0)
    return Gains(strategy=strategy, reference=name, keys=keys, percent=shares.sum(axis=1), by_task=means)


def changes(runs: Runs, reference: Runs, *, setup: Setup) -> Floats:
    """What ``runs`` gain on test over a reference on the seeds that both have, in each task's own unit [n, T].

    Above 0 is better, whichever way the metric goes.
    """
    ours, theirs = common(runs.seeds, reference.seeds)
    tests = [each.over_configurations(each.per_task["test"]) for each in (runs, reference)]
    found: Floats = setup.signs * (tests[0][ours] - tests[1][theirs])
    return found


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


def _shares(metrics: Floats, reference: Floats, signs: Floats, weights: Floats | None) -> Floats:
    """What each task adds to a gain [n, T]."""
    size = np.where(reference == 0, np.nan, np.abs(reference))
    share = np.ones(metrics.shape[1]) if weights is None else weights
    found: Floats = 100 * signs * (metrics - reference) / size * share / share.sum()
    return found

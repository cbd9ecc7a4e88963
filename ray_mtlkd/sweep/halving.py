"""Successive halving of one group's configurations: how far each of them goes, told from what is known of their trials.

Jamieson and Talwalkar 2016 (arXiv:1502.07943), algorithm 1, with what must be comparable made so: configurations are
compared with others of their own setup and strategy only, all at the same share of the budget, once all are there. So
what is let go does not depend on which worker was faster, as it would by asynchronous halving, and a sweep that goes
on from its records takes the same decisions again. Pausing is a trial's own affair: it leaves a checkpoint, and another
run of the same trial goes on from there; Ray Tune sees trials that end, and holds nothing for those that wait.
"""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is known of a trial.

    Attributes:
        score: On validation; None where it failed.
        rungs: Scores at the rungs that it has passed; None where a task had not started.
        is_over: Whether it ran to its end, or failed.
    """

    score: float | None
    rungs: tuple[float | None, ...] = ()
    is_over: bool = True

    @property
    def failed(self) -> bool:
        """Whether there will never be a score."""
        return self.is_over and self.score is None

    def has_passed(self, rung: int) -> bool:
        """Whether nothing is left to run up to a rung."""
        return self.is_over or len(self.rungs) > rung


FAILED = Found(score=None)

Run = tuple[int, int]
"""A configuration's number, and a training seed."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How far a search has come.

    Attributes:
        left: Configurations that are still in it.
        until: Share of the budget that these run to next.
        missing: Their trials that have not.
        rung: Number of the rung at that share; None at the end of the budget.
    """

    left: tuple[int, ...]
    until: float
    missing: tuple[Run, ...]
    rung: int | None = None

    @property
    def is_over(self) -> bool:
        """Whether all have run to their end that should."""
        return self.until == 1 and not self.missing

    def has_come(self, found: Found) -> bool:
        """Whether a trial is not missing, by what is known of it."""
        return found.is_over if self.rung is None else found.has_passed(self.rung)


def standing(
    found: Mapping[Run, Found], *, configurations: int, seeds: Sequence[int], rungs: Sequence[float], least: int
) -> Standing:
    """Where a search stands.

    At each rung the better half of the configurations goes on, and at least ``least``. A rung is skipped where one of
    them has no score yet, as under a curriculum that starts its tasks one after the other; the next one then leaves
    as few as there would have been.

    Args:
        found: What is known of the trials.
        configurations: How many there are.
        seeds: Of each of them.
        rungs: Shares of the budget, ascending.
        least: How many run to their end.
    """
    left = tuple(range(configurations))
    for level, share in enumerate(rungs):
        missing = missing_runs(found, left, seeds, rung=level)
        if missing:
            return Standing(left=left, until=share, missing=missing, rung=level)
        known = {index: [found[index, seed] for seed in seeds] for index in left}
        left = _better(known, level, most=_most(configurations, level, least=least))
    return Standing(left=left, until=1.0, missing=missing_runs(found, left, seeds))


def missing_runs(
    found: Mapping[Run, Found], indices: Iterable[int], seeds: Sequence[int], *, rung: int | None = None
) -> tuple[Run, ...]:
    """The trials of these configurations that have not passed a rung; None for those that are not over."""

    def is_there(run: Found) -> bool:
        return run.is_over if rung is None else run.has_passed(rung)

    runs = [(index, seed) for index in indices for seed in seeds]
    return tuple(run for run in runs if run not in found or not is_there(found[run]))


def _most(configurations: int, level: int, *, least: int) -> int:
    """How many go on from a rung."""
    return max(least, math.ceil(configurations / 2.0 ** (level + 1)))


def spent_share(configurations: int, *, rungs: Sequence[float], least: int) -> float:
    """Share of the budget that a configuration spends on average, where no rung is skipped."""
    left = [configurations, *(min(configurations, _most(configurations, at, least=least)) for at in range(len(rungs)))]
    ways = [end - start for start, end in itertools.pairwise((0.0, *rungs, 1.0))]
    return sum(count * way for count, way in zip(left, ways, strict=True)) / configurations


def _better(known: Mapping[int, Sequence[Found]], level: int, *, most: int) -> tuple[int, ...]:
    """Those that go on from a rung, in their order; of equals, the first."""
    sound = {index: runs for index, runs in known.items() if not any(each.failed for each in runs)}
    scores: dict[int, float] = {}
    for index, runs in sound.items():
        reached = [score for score in (each.rungs[level] for each in runs) if score is not None]
        if len(reached) < len(runs):
            return tuple(sound)
        scores[index] = fmean(reached)
    return tuple(sorted(sorted(scores, key=lambda index: (-scores[index], index))[:most]))


def halving_rungs(configurations: int) -> tuple[float, ...]:
    """Rungs at which halving ``configurations`` leaves one: each part of the way costs about the same."""
    count = math.ceil(math.log2(configurations))
    return tuple(2.0 ** (level - count) for level in range(count))

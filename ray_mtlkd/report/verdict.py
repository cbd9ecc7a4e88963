"""The rule: chosen on validation, judged on test, and the simplest where no difference is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report.runs import Setup, StrategyInfo
from ray_mtlkd.report.statistics import Difference
from ray_mtlkd.report.summary import ALL_SETUPS, Cell, Reference, Summary


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rule finds, for one setup or over all.

    Attributes:
        where: Name of the setup, or ``ALL_SETUPS``.
        scores: Mean validation score of the multitask strategies that finished in every setup.
        left_out: The other multitask strategies.
        chosen: The strategy with the best of ``scores``.
        baseline: The best baseline, or the one that stands for several; None where no baseline finished everywhere.
        simplest: ``chosen``, ``baseline`` or ``sum``.
        single: The name of one model a task, where that is to be shipped instead of ``simplest``.
    """

    where: str
    scores: Mapping[str, float]
    left_out: tuple[str, ...]
    chosen: str
    baseline: str | None
    simplest: str
    single: str | None

    @property
    def ship(self) -> str:
        """What to ship."""
        return self.single or self.simplest


def decide(setups: Sequence[Setup], summary: Summary) -> Verdict | None:
    """The verdict over these setups, all or one; None where no multitask strategy finished in every one of them."""
    where = setups[0].name if len(setups) == 1 else ALL_SETUPS
    multitask = [each for each in summary.strategies[where] if each.role != "reference"]
    scores = _scores(setups, multitask)
    if not scores:
        return None
    chosen = max(scores, key=lambda name: scores[name])
    best = {summary.best_baselines[setup.name] for setup in setups}
    baselines = [each.name for each in multitask if each.role == "baseline" and each.name in scores]
    names = [name for name in baselines if best == {name}] or baselines
    baseline = max(names, key=lambda name: scores[name], default=None)
    simplest = chosen
    if difference(summary.cells[where, chosen, "best_baseline"]) != "better" and baseline is not None:
        plain = "sum" in scores and not better_than_sum(summary, where, (chosen, baseline))
        simplest = "sum" if plain else baseline
    return Verdict(
        where=where,
        scores=scores,
        left_out=tuple(each.name for each in multitask if each.name not in scores),
        chosen=chosen,
        baseline=baseline,
        simplest=simplest,
        single=_single_task(simplest, where, summary),
    )


def difference(cell: Cell) -> Difference:
    """Whether a difference is shown; it is not where there is no gain."""
    return "not shown" if cell.estimate is None else cell.estimate.difference


def better_than_sum(summary: Summary, where: str, strategies: Sequence[str]) -> tuple[str, ...]:
    """Those of ``strategies`` that are shown to be better than ``sum``, each once."""
    names = dict.fromkeys(strategies)
    return tuple(name for name in names if difference(summary.cells[where, name, "sum"]) == "better")


def _scores(setups: Sequence[Setup], multitask: Sequence[StrategyInfo]) -> dict[str, float]:
    """Mean validation score over seeds, then setups."""
    means: dict[str, float] = {}
    for strategy in multitask:
        runs = [setup.of(strategy.name) for setup in setups]
        found = [float(each.per_trial["score"].mean()) for each in runs if each is not None]
        if len(found) == len(setups):
            means[strategy.name] = float(np.mean(found))
    return means


def _single_task(ship: str, where: str, summary: Summary) -> str | None:
    """The reference's name, where it is better than every multitask strategy and shown to beat ``ship``."""
    against: Reference = "single_task"
    multitask = [each.name for each in summary.strategies[where] if each.role != "reference"]
    cells = [summary.cells[where, name, against] for name in multitask]
    means = [cell.estimate.mean for cell in cells if cell.estimate is not None]
    if not means or max(means) >= 0 or difference(summary.cells[where, ship, against]) != "worse":
        return None
    return next(each.name for each in summary.strategies[where] if each.role == "reference")

"""From the records of a search to what it found: what groups are worth, and which split that proposes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.grouping.splits import SplitWorth, best_splits
from ray_mtlkd.grouping.trainings import ALONE, SPLIT, TOGETHER, Trainings
from ray_mtlkd.grouping.worths import Worth, by_affinity, higher_order, means
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.matrices import matrices_of
from ray_mtlkd.report.runs import Setup, group
from ray_mtlkd.report.skills import points
from ray_mtlkd.strategies.curricula.base import models_of

By = Literal["trials", "affinity"]
OBSERVED = "observed_sum"
"""The strategy that measures affinities."""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a search found.

    Attributes:
        tasks: Names [T].
        splits: The best split into 1, 2, … models, with what it is estimated to be worth: in points of mean skill on
            validation, where groups were trained; as a sum of affinities elsewhere.
        proposed: The one that is worth most; of equals the one with the fewest models.
    """

    tasks: tuple[str, ...]
    splits: tuple[SplitWorth, ...]
    proposed: SplitWorth

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The proposed split, by names."""
        return tuple(tuple(self.tasks[task] for task in places) for places in self.proposed.groups)

    @property
    def label(self) -> str:
        """Of the strategy that trains it: a split into one model, or one a task, has a name already."""
        named = {1: TOGETHER, len(self.tasks): ALONE}
        return named.get(len(self.proposed.groups), SPLIT)


def findings(records: Records, *, trainings: Trainings, by: By, models: int) -> Findings:
    """Of a search that has ended.

    Args:
        records: Of one setup.
        trainings: What was to be trained, where groups were.
        by: What is known of groups.
        models: Most that a split may have.

    Raises:
        MtlkdError: where trials that it needs did not end well.
    """
    (setup,) = group(records.table)
    tasks = tuple(task.name for task in setup.tasks)
    worth = _by_affinity(setup, records) if by == "affinity" else _by_trials(setup, trainings, tasks)
    splits = best_splits(worth, tasks=len(tasks), models=models)
    proposed = max(splits, key=lambda split: (split.worth, -len(split.groups)))
    return Findings(tasks=tasks, splits=tuple(splits), proposed=proposed)


def _by_trials(setup: Setup, trainings: Trainings, tasks: Sequence[str]) -> Worth:
    found: list[tuple[tuple[int, ...], int, float]] = []
    for label, groups in trainings.items():
        runs = setup.of(label)
        if runs is None or runs.missing:
            raise _unfinished(setup.name, label)
        reached = points(runs.per_task["valid"], runs)
        for places in models_of(groups, tasks):
            found += [(places, task, float(value)) for task in places for value in reached[:, task]]
    if not np.isfinite([value for *_, value in found]).all():
        fix = "take a metric for it that is always defined, or leave the task out"
        raise MtlkdError("a task has no metric in some trial", where=f"setup {setup.name}", fix=fix)
    return higher_order(means(found))


def _by_affinity(setup: Setup, records: Records) -> Worth:
    runs = setup.of(OBSERVED)
    if runs is None or runs.missing:
        raise _unfinished(setup.name, OBSERVED)
    affinities = matrices_of(setup, records, [OBSERVED])[OBSERVED]["affinities"]
    weights = runs.per_task["weight"][0]
    return by_affinity(np.nan_to_num(affinities).tolist(), weights.tolist())


def _unfinished(setup: str, label: str) -> MtlkdError:
    what = f"not every trial of {label!r} ended well, and nothing can be said without them"
    return MtlkdError(what, where=f"setup {setup}", fix="see the records for why, mend it, and start in another folder")

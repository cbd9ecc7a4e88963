"""How far differences between strategies would move on other test rows.

With A_is(w) the mean skill of strategy i with seed s on rows that count w times, the covariance that rows give to two
strategies, whatever the seeds, is the mean of Cov_w(A_is, A_js') over pairs of different seeds s, s': what rows do to a
single seed is already in the spread over seeds. (The main effect of rows in a crossed design, as Owen 2007, "The
pigeonhole bootstrap", section 3.) With one seed there is no such pair, and the variance is that seed's.

The variance of a mean over n seeds is then (variance over seeds) / n + the variance that is given here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.prediction_files import PredictionFile
from ray_mtlkd.report.resampler import RESAMPLES, Resampler
from ray_mtlkd.report.runs import Key
from ray_mtlkd.report.skills import POINTS
from ray_mtlkd.report.statistics import Floats


@dataclass(frozen=True, kw_only=True)
class ResampledTrials:
    """One strategy's trials in one setup, measured on every draw of its test rows.

    Attributes:
        keys: Sweep and seed of each trial [N]; of one seed several configurations may have run.
        skill: Skill of each task in points [N, T, B], up to the same constant in all trials; NaN where the task's
            metric cannot be resampled.
    """

    keys: tuple[Key, ...]
    skill: Floats


@dataclass(frozen=True, kw_only=True)
class RowNoise:
    """What test rows do to differences.

    Attributes:
        trials: By setup and strategy, of which predictions are stored.
        unknown: By setup, tasks whose metric cannot be resampled.
    """

    trials: Mapping[tuple[str, str], ResampledTrials]
    unknown: Mapping[str, tuple[str, ...]]

    def variances(self, setup: str, strategies: Sequence[str], *, weights: Floats | None = None) -> Floats:
        """The variance of each pair's difference in mean skill over draws of test rows, in squared points [k, k].

        It comes on top of what seeds differ by. All pairs are those of one covariance, so that it can be had of them.

        Args:
            setup: Its name.
            strategies: Names [k].
            weights: Of tasks in a mean skill, in the setup's order [T], one of them above 0; None for all alike.

        Returns:
            NaN where predictions of one of the two are not stored or a task that counts cannot be resampled.
        """
        found = np.full((len(strategies), len(strategies)), np.nan)
        means = [self._mean_skill(setup, name, weights) for name in strategies]
        at = [place for place, mean in enumerate(means) if mean is not None]
        known = [mean for mean in means if mean is not None]
        if known:
            covariance = _consistent(_by_rows(known))
            spread = np.diag(covariance)
            found[np.ix_(at, at)] = np.maximum(spread[:, None] + spread[None] - 2 * covariance, 0)
        return found

    def _mean_skill(self, setup: str, strategy: str, weights: Floats | None) -> dict[Key, Floats] | None:
        """Mean over tasks, and over the configurations of a seed, by seed [B]."""
        trials = self.trials.get((setup, strategy))
        if trials is None:
            return None
        share = np.ones(trials.skill.shape[1]) if weights is None else weights
        counts = share > 0
        mean = np.einsum("ntb,t->nb", trials.skill[:, counts], share[counts] / share[counts].sum())
        if not np.isfinite(mean).all():
            return None
        places: dict[Key, list[int]] = {}
        for at, key in enumerate(trials.keys):
            places.setdefault(key, []).append(at)
        return {key: mean[rows].mean(axis=0) for key, rows in places.items()}


def joined(parts: Iterable[RowNoise]) -> RowNoise:
    """That of several setups."""
    found = list(parts)
    return RowNoise(
        trials={name: each for part in found for name, each in part.trials.items()},
        unknown={setup: names for part in found for setup, names in part.unknown.items()},
    )


class RowNoiseReader:
    """Takes the predictions of trials, one part after the other, and keeps how their metrics move.

    Args:
        records: Say how a metric becomes skill.
    """

    def __init__(self, records: Records) -> None:
        self._reach, self._tasks = _reach(records)
        self._resamplers: dict[str, Resampler] = {}
        self._found: dict[tuple[str, str], dict[str, tuple[Key, Floats]]] = {}
        self._unknown: dict[str, dict[str, None]] = {}

    def add(self, file: PredictionFile, part: PredictedRows) -> None:
        """One task's test rows."""
        trials = self._found.setdefault((file.setup, file.strategy), {})
        nothing = np.full((len(self._tasks[file.setup]), RESAMPLES), np.nan)
        _, skill = trials.setdefault(file.name, (file.key, nothing))
        resampled = self._resamplers.setdefault(file.setup, Resampler()).measure(part)
        if resampled is None:
            self._unknown.setdefault(file.setup, {})[part.task] = None
            return
        reach = self._reach[file.setup, part.task]
        skill[self._tasks[file.setup].index(part.task)] = POINTS * resampled / reach if reach else 0.0

    def noise(self) -> RowNoise:
        """Of all that was added."""
        trials = {}
        for name, found in self._found.items():
            keys, skills = zip(*found.values(), strict=True)
            trials[name] = ResampledTrials(keys=keys, skill=np.stack(skills))
        return RowNoise(trials=trials, unknown={setup: tuple(names) for setup, names in self._unknown.items()})


def _reach(records: Records) -> tuple[dict[tuple[str, str], float], dict[str, list[str]]]:
    """How far a perfect metric is from the trivial predictor's, by setup and task; each setup's tasks in their order.

    The trivial predictor's metric on validation makes the scale of skill.
    """
    columns = ["setup", "task_index", "task", "trivial", "perfect"]
    rows = records.table.group_by(columns).aggregate([]).select(columns).to_pylist()
    reach: dict[tuple[str, str], float] = {}
    tasks: dict[str, list[str]] = {}
    for setup, _, task, trivial, perfect in sorted(tuple(row.values()) for row in rows):
        if (setup, task) not in reach:
            reach[setup, task] = perfect - trivial
            tasks.setdefault(setup, []).append(task)
    return reach, tasks


def _by_rows(strategies: Sequence[Mapping[Key, Floats]]) -> Floats:
    """The covariance of strategies over rows, from different seeds where there are any [k, k]."""
    count = len(strategies)
    found = np.empty((count, count))
    centred = [{key: skill - skill.mean() for key, skill in each.items()} for each in strategies]
    sums = [np.sum(list(each.values()), axis=0) for each in centred]
    for i in range(count):
        for j in range(i, count):
            shared = centred[i].keys() & centred[j].keys()
            same = sum(float(centred[i][key] @ centred[j][key]) for key in shared)
            pairs = len(centred[i]) * len(centred[j]) - len(shared)
            both = float(sums[i] @ sums[j])
            found[i, j] = found[j, i] = (both - same) / pairs if pairs else both
    return found / (RESAMPLES - 1)


def _consistent(covariance: Floats) -> Floats:
    """The nearest covariance of what is left of each strategy after the mean of all: estimates may be below zero."""
    centre = np.eye(len(covariance)) - 1 / len(covariance)
    values, vectors = np.linalg.eigh(centre @ covariance @ centre)
    found: Floats = vectors * np.maximum(values, 0) @ vectors.T
    return found

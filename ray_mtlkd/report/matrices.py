"""What trials have measured of pairs of tasks, as matrices."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ray_mtlkd.records import MATRICES
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats, mean_of_finite
from ray_mtlkd.report.trial_curves import trials_of


def matrices_of(setup: Setup, records: Records, strategies: Iterable[str]) -> dict[str, dict[str, Floats]]:
    """Each strategy's matrices [T, T] by column, means over its trials; NaN where no trial has a number.

    Strategies of which nothing was measured are left out. The records are read once for all.
    """
    known = trials_of(setup, records.table)
    owners = {(trial.sweep, trial.trial): strategy for strategy in strategies for trial in known.get(strategy, ())}
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in records.matrices({trial for _, trial in owners}).to_pylist():
        owner = owners.get((line["sweep"], line["trial"]))
        if owner is not None:
            lines.setdefault(owner, []).append(line)
    found = {strategy: _means(own, len(setup.tasks)) for strategy, own in lines.items()}
    return {strategy: matrices for strategy, matrices in found.items() if matrices}


def _means(lines: Sequence[Mapping[str, Any]], tasks: int) -> dict[str, Floats]:
    found = {column: _mean([line for line in lines if line[column]], column, tasks) for column in MATRICES}
    return {column: matrix for column, matrix in found.items() if np.isfinite(matrix).any()}


def _mean(lines: Sequence[Mapping[str, Any]], column: str, tasks: int) -> Floats:
    trials: dict[tuple[str, str], Floats] = {}
    for line in lines:
        matrix = trials.setdefault((line["sweep"], line["trial"]), np.full((tasks, tasks), np.nan))
        matrix[line["task_index"]] = np.array(line[column], dtype=np.float64)
    stacked = np.stack(list(trials.values())) if trials else np.full((1, tasks, tasks), np.nan)
    return mean_of_finite(stacked, axis=0)

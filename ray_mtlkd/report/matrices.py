"""What trials have measured of pairs of tasks, as matrices."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ray_mtlkd.records import MATRICES
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.statistics import Floats, mean_of_finite
from ray_mtlkd.report.trial_curves import trials_of


def matrices_of(setup: Setup, records: Records, strategy: str) -> dict[str, Floats]:
    """The strategy's matrices [T, T] by column, each a mean over its trials; NaN where no trial has a number."""
    trials = trials_of(setup, records.table, strategy)
    if not trials:
        return {}
    wanted = {(trial.sweep, trial.trial) for trial in trials}
    lines = records.matrices([trial.trial for trial in trials]).to_pylist()
    own = [line for line in lines if (line["sweep"], line["trial"]) in wanted]
    found = {column: _mean([line for line in own if line[column]], column, len(setup.tasks)) for column in MATRICES}
    return {column: matrix for column, matrix in found.items() if np.isfinite(matrix).any()}


def _mean(lines: Sequence[Mapping[str, Any]], column: str, tasks: int) -> Floats:
    trials: dict[tuple[str, str], Floats] = {}
    for line in lines:
        matrix = trials.setdefault((line["sweep"], line["trial"]), np.full((tasks, tasks), np.nan))
        matrix[line["task_index"]] = np.array(line[column], dtype=np.float64)
    stacked = np.stack(list(trials.values())) if trials else np.full((1, tasks, tasks), np.nan)
    return mean_of_finite(stacked, axis=0)

"""Metrics on many draws of a table's rows, as if another table of the same size had been collected.

A draw is a Poisson bootstrap: every row (text of tags, group of a ranking) counts Poisson(1) times, whatever the others
do (Hanley and MacGibbon 2006, "Creating non-parametric bootstrap samples using Poisson frequencies"). Its count is the
same for all strategies, seeds and, where tasks label one table, tasks: differences between them are paired by rows.
Beyond ``UNITS`` rows, rows far apart in the file share their counts, which leaves variances unbiased.
"""

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.tasks.weighted import units, weighted_metric

RESAMPLES = 300
"""Variances are good to 8 %, standard errors to 4 %."""
UNITS = 20_000
_AT_ONCE = 25
"""Resamples that are measured together: their weights fit into a processor's cache."""


class Resampler:
    """Measures predictions of one setup; keeps one count a row and resample, 6 MB a table at most."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, bool], NDArray[np.uint8]] = {}

    def measure(self, part: PredictedRows) -> Floats | None:
        """The metric in every resample [B], finite; None where it is not of this package."""
        metric = weighted_metric(part)
        if metric is None:
            return None
        counts, places = self._known(part)
        found = []
        for start in range(0, RESAMPLES, _AT_ONCE):
            weights = counts[:, start : start + _AT_ONCE].astype(np.float32)[places]
            weights[:, ~weights.any(axis=0)] = 1.0  # of a few rows, all may be left out
            found.append(metric(weights))
        return np.concatenate(found)

    def _known(self, part: PredictedRows) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Counts of a table's rows, and where each unit's stand among them."""
        grouped = part.extent == "group"
        rows = np.arange(units(part)) if grouped else part.rows.astype(np.int64)
        places = rows % UNITS
        needed = int(places.max()) + 1
        key = part.table, grouped
        if key not in self._counts or len(self._counts[key]) < needed:
            # drawn row by row: fewer rows have the counts of the first ones of more
            draws = np.random.default_rng(key).poisson(1.0, (needed, RESAMPLES))
            self._counts[key] = draws.astype(np.uint8)
        return self._counts[key], places

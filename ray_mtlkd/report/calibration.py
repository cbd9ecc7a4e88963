"""Whether probabilities are as often right as they say.

Of classes that exclude each other, the probability of the likeliest is compared with how often it is right; of answers
yes or no, the probability of yes with how often yes is true. The expected calibration error is the mean over 15 bins of
equal width of the distance between the two, weighed by the rows in a bin (Guo et al. 2017, arXiv:1706.04599, eq. 3).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report import text
from ray_mtlkd.report.prediction_files import PredictionFile
from ray_mtlkd.report.sheets import REAL, TEXT, WHOLE, sheet
from ray_mtlkd.report.statistics import Floats

BINS = 15


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """One strategy on one task: each trial's bins [N, 15].

    Attributes:
        rows: Decisions whose probability lies in a bin.
        said: Sum of their probabilities.
        true: How many are true.
    """

    rows: Floats
    said: Floats
    true: Floats

    @property
    def error(self) -> float:
        """Expected calibration error in [0, 1], averaged over trials."""
        return float((np.abs(self.said - self.true).sum(axis=1) / self.rows.sum(axis=1)).mean())

    @property
    def bias(self) -> float:
        """Mean probability minus how often it is true: above 0 where probabilities are too high."""
        return float(((self.said - self.true).sum(axis=1) / self.rows.sum(axis=1)).mean())

    def points(self) -> Iterator[tuple[int, "Point"]]:
        """Each bin with decisions in it, over all trials, and its number."""
        rows, said, true = (part.sum(axis=0) for part in (self.rows, self.said, self.true))
        for at in np.flatnonzero(rows).tolist():
            probability, share = float(said[at] / rows[at]), float(true[at] / rows[at])
            yield at, Point(decisions=int(rows[at]), probability=probability, share=share)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A bin of a reliability diagram.

    Attributes:
        decisions: In it.
        probability: Their mean.
        share: Of them that is true.
    """

    decisions: int
    probability: float
    share: float


Calibrations = Mapping[tuple[str, str, str], Calibration]
"""By setup, task and strategy; of tasks with probabilities."""


class CalibrationReader:
    """Takes the predictions of trials, one part after the other."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], list[Floats]] = {}

    def add(self, file: PredictionFile, part: PredictedRows) -> None:
        """One task's test rows."""
        known = _probabilities(part)
        if known is None:
            return
        said, true = known
        bins = np.minimum((said * BINS).astype(np.int64), BINS - 1)
        sums = [np.bincount(bins, weights=each, minlength=BINS) for each in (np.ones_like(said), said, true)]
        self._found.setdefault((file.setup, part.task, file.strategy), []).append(np.stack(sums))

    def calibrations(self) -> Calibrations:
        """Of all that was added."""
        stacked = {key: np.stack(found, axis=1) for key, found in self._found.items()}
        return {key: Calibration(rows=rows, said=said, true=true) for key, (rows, said, true) in stacked.items()}


def _probabilities(part: PredictedRows) -> tuple[Floats, Floats] | None:
    """Probabilities [D] and whether what they are of is true [D]; None where there are none."""
    if part.likeliest is not None and part.probabilities is not None:
        right: NDArray[np.bool_] = part.likeliest[:, 0] == part.labels
        return part.probabilities[:, 0].astype(np.float64), right.astype(np.float64)
    if part.kind in {"binary", "multilabel"} and part.outputs is not None:
        yes = expit(part.outputs.astype(np.float64))
        known = part.labels if part.labels.ndim == 1 else part.labels[:, : yes.shape[1]]  # not those unseen in train
        return yes.ravel(), known.ravel().astype(np.float64)
    return None


def calibration_sheet(calibrations: Calibrations) -> pa.Table:
    """A line a bin with decisions in it, over all trials: a reliability diagram's points."""
    bins = {"from": REAL, "to": REAL, "decisions": WHOLE, "mean_probability": REAL, "share_true": REAL}
    names = {"setup": TEXT, "task": TEXT, "strategy": TEXT, "expected_calibration_error": REAL}
    return sheet({**names, **bins}, _lines(calibrations))


def _lines(calibrations: Calibrations) -> Iterator[Sequence[object]]:
    for key, found in sorted(calibrations.items()):
        for at, point in found.points():
            ends = [at / BINS, (at + 1) / BINS]
            yield [*key, found.error, *ends, point.decisions, point.probability, point.share]


def calibration_table(
    calibrations: Calibrations, *, setup: str, tasks: Sequence[str], strategies: Sequence[str]
) -> str:
    """Every strategy's error on each task in points, and the mean overestimate in brackets; empty where none is."""
    measured = [task for task in tasks if any((setup, task, name) in calibrations for name in strategies)]
    lines = [
        [text.code(name), *(_cell(calibrations.get((setup, task, name))) for task in measured)]
        for name in strategies
        if any((setup, task, name) in calibrations for task in measured)
    ]
    return text.table(["strategy", *map(text.plain, measured)], lines) if lines else ""


def _cell(found: Calibration | None) -> str:
    return text.NOTHING if found is None else f"{100 * found.error:.1f} ({100 * found.bias:+.1f})"

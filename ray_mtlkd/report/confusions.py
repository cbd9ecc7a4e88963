"""Which classes a strategy takes for which, summed over its trials."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report import text
from ray_mtlkd.report.prediction_files import PredictionFile
from ray_mtlkd.report.sheets import TEXT, WHOLE, sheet
from ray_mtlkd.tasks.weighted import decided

UNSEEN = "(unseen in train)"
_SHOWN = 5
"""Confusions of a task that the page shows."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """One strategy on one task.

    Attributes:
        classes: Names [K].
        counts: Rows or tokens of each class, in the last line those of classes that train lacks, by what they are
            predicted to be [K+1, K], over all trials.
        trials: So many.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    trials: int

    def cells(self) -> Iterator[tuple[str, str, int]]:
        """True class, predicted class and count, of all pairs that occur."""
        names = (*self.classes, UNSEEN)
        for true, said in zip(*self.counts.nonzero(), strict=True):
            yield names[true], self.classes[said], int(self.counts[true, said])

    def mistakes(self) -> list[tuple[str, str, float, float]]:
        """The most frequent ones: true class, predicted class, how many a trial, and of all rows of the true class."""
        names = (*self.classes, UNSEEN)
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        found = []
        for at in np.argsort(-wrong, axis=None, kind="stable")[:_SHOWN].tolist():
            true, said = divmod(at, len(self.classes))
            count = int(wrong[true, said])
            if count:
                share = count / int(self.counts[true].sum())
                found.append((names[true], self.classes[said], count / self.trials, share))
        return found


Confusions = Mapping[tuple[str, str, str], Confusion]
"""By setup, task and strategy; of tasks with one class of several a row or token."""


class ConfusionReader:
    """Takes the predictions of trials, one part after the other."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Confusion] = {}

    def add(self, file: PredictionFile, part: PredictedRows) -> None:
        """One task's test rows."""
        if part.likeliest is None and part.kind != "binary":
            return
        classes = len(part.classes)
        true, said = part.labels.astype(np.int64), decided(part).astype(np.int64)
        places = np.where(true < 0, classes, true) * classes + said
        counts = np.bincount(places, minlength=(classes + 1) * classes).reshape(classes + 1, classes)
        key = file.setup, part.task, file.strategy
        before = self._found.get(key)
        more = (counts, 1) if before is None else (before.counts + counts, before.trials + 1)
        self._found[key] = Confusion(classes=part.classes, counts=more[0], trials=more[1])

    def confusions(self) -> Confusions:
        """Of all that was added."""
        return self._found


def confusions_sheet(confusions: Confusions) -> pa.Table:
    """A line a pair of classes that occurs: the diagonal is what was right."""
    texts = dict.fromkeys(("setup", "task", "strategy", "true", "predicted"), TEXT)
    found = sorted(confusions.items())
    lines = ([*key, *cell, confusion.trials] for key, confusion in found for cell in confusion.cells())
    return sheet({**texts, "count": WHOLE, "trials": WHOLE}, lines)


def confusions_table(confusions: Confusions, *, setup: str, tasks: Sequence[str], strategy: str) -> str:
    """A strategy's most frequent mistakes on each task; empty where there is none."""
    lines = [
        [*map(text.plain, (task, true, said)), f"{count:.1f}", f"{100 * share:.1f}"]
        for task in tasks
        if (setup, task, strategy) in confusions
        for true, said, count, share in confusions[setup, task, strategy].mistakes()
    ]
    header = ["task", "class", "taken for", "a trial", "% of the class"]
    return text.table(header, lines, words=["class", "taken for"]) if lines else ""

"""The test rows on which strategies differ most: on average over trials, some get them right and others do not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ray_mtlkd.predicted import PredictedRows
from ray_mtlkd.report import text
from ray_mtlkd.report.confusions import UNSEEN
from ray_mtlkd.report.prediction_files import PredictionFile
from ray_mtlkd.report.sheets import REAL, TEXT, WHOLE, sheet
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.tasks.weighted import by_group, decided

_LISTED = 100
"""Rows of a task in the CSV file."""
_SHOWN = 3
"""Rows of a task on the page."""
_LONGEST = 40
"""Letters of a label on the page."""


@dataclass(frozen=True, kw_only=True)
class Disagreement:
    """One task's rows, texts or groups, the ones with the most disagreement first [R].

    Attributes:
        strategies: Names [S].
        rows: Places in the test file, of groups their first row's.
        labels: As words.
        right: How right each strategy is, averaged over its trials [S, R]: a share, of numbers minus the error in
            standard deviations of the train labels, of groups the metric.
        spread: Standard deviation of that over strategies.
    """

    strategies: tuple[str, ...]
    rows: NDArray[np.int64]
    labels: tuple[str, ...]
    right: Floats
    spread: Floats


Disagreements = Mapping[tuple[str, str], Disagreement]
"""By setup and task, where at least two strategies differ on some row."""


class DisagreementReader:
    """Takes the predictions of trials, one part after the other, all of the same rows."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], dict[str, Floats]] = {}
        self._trials: dict[tuple[str, str, str], int] = {}
        self._parts: dict[tuple[str, str], PredictedRows] = {}

    def add(self, file: PredictionFile, part: PredictedRows) -> None:
        """One task's test rows."""
        right = _right(part)
        if right is None:
            return
        key = file.setup, part.task
        sums = self._sums.setdefault(key, {})
        sums[file.strategy] = sums.get(file.strategy, 0.0) + right
        self._trials[*key, file.strategy] = self._trials.get((*key, file.strategy), 0) + 1
        self._parts.setdefault(key, part)

    def disagreements(self) -> Disagreements:
        """Of all that was added."""
        found = {}
        for key, sums in self._sums.items():
            names = tuple(sums)
            right = np.stack([sums[name] / self._trials[*key, name] for name in names])
            spread = np.nan_to_num(right.std(axis=0))
            at = np.argsort(-spread, kind="stable")[:_LISTED]
            at = at[spread[at] > 0]
            if len(at):
                part = self._parts[key]
                found[key] = Disagreement(
                    strategies=names,
                    rows=_places(part)[at],
                    labels=tuple(_label(part, int(each)) for each in at),
                    right=right[:, at],
                    spread=spread[at],
                )
        return found


def _right(part: PredictedRows) -> Floats | None:
    """How right each row, text or group is predicted [U]; None where nobody knows."""
    if part.extent == "group":
        return by_group(part)
    if part.likeliest is None and part.kind not in {"binary", "multilabel", "regression"}:
        return None
    said = decided(part)
    if part.kind == "regression":
        right: Floats = -np.abs(said - part.labels) / part.scale
    elif part.labels.ndim > 1:
        right = np.mean(said == (part.labels[:, : said.shape[1]] > 0), axis=1)
    else:
        right = (said == part.labels).astype(np.float64)
    return right if part.offsets is None else np.add.reduceat(right, part.offsets[:-1]) / np.diff(part.offsets)


def _places(part: PredictedRows) -> NDArray[np.int64]:
    rows = part.rows.astype(np.int64)
    return rows[part.offsets[:-1]] if part.extent == "group" and part.offsets is not None else rows


def _label(part: PredictedRows, at: int) -> str:
    """A row's label in words."""
    if part.offsets is None:
        label = part.labels[at]
        if part.labels.ndim > 1:
            return text.listed(part.classes[code] for code in np.flatnonzero(label[: len(part.classes)]))
        return _word(part, float(label))
    labels = part.labels[part.offsets[at] : part.offsets[at + 1]]
    return " ".join(_word(part, float(label)) for label in labels)


def _word(part: PredictedRows, label: float) -> str:
    if not part.classes:
        return f"{label:g}"
    return part.classes[int(label)] if label >= 0 else UNSEEN


def disagreements_sheet(disagreements: Disagreements) -> pa.Table:
    """A line a row and strategy, the rows with the most disagreement of each task first."""
    columns = {
        "setup": TEXT,
        "task": TEXT,
        "row": WHOLE,
        "label": TEXT,
        "spread": REAL,
        "strategy": TEXT,
        "right": REAL,
    }
    return sheet(columns, _lines(disagreements))


def _lines(disagreements: Disagreements) -> Iterator[Sequence[object]]:
    for key, found in sorted(disagreements.items()):
        for at, (row, label, spread) in enumerate(zip(found.rows, found.labels, found.spread, strict=True)):
            for name, right in zip(found.strategies, found.right[:, at], strict=True):
                yield [*key, int(row), label, float(spread), name, float(right)]


def disagreements_table(disagreements: Disagreements, *, setup: str, tasks: Sequence[str]) -> str:
    """The first rows of each task, with the strategies that are best and worst there; empty where there is none."""
    known = {task: disagreements[setup, task] for task in tasks if (setup, task) in disagreements}
    lines = [
        [text.plain(task), str(found.rows[at]), text.plain(_short(found.labels[at])), *_ends(found, at)]
        for task, found in known.items()
        for at in range(min(_SHOWN, len(found.rows)))
    ]
    header = ["task", "row", "label", "best", "worst"]
    return text.table(header, lines, words=["label", "best", "worst"]) if lines else ""


def _ends(found: Disagreement, at: int) -> list[str]:
    """The best and the worst strategies of a row, and how right they are."""
    right = found.right[:, at]
    said = []
    for value in (right.max(), right.min()):
        names = [text.code(name) for name, each in zip(found.strategies, right, strict=True) if each == value]
        said.append(f"{value:.2f} {text.listed(names)}")
    return said


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"

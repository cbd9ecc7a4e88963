"""A sweep's folder with records and predictions, as `python -m benchmarks.report.predictions FOLDER ROWS` writes it.

Eleven strategies of six seeds, and a task of every kind with a metric that takes long among those of its kind; labels
and predictions are drawn, right as often as a good model's.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ray_mtlkd.predicted import PredictedRows, checksum, to_bytes
from ray_mtlkd.records import TaskIdentity, TaskRecord, TaskResult, TrialEnd
from ray_mtlkd.sweep.archive import write_records
from ray_mtlkd.sweep_folder import PARQUET, SweepFolder

STRATEGIES, SEEDS = 11, 6
_CLASSES, _LABELS, _TAGS, _TOKENS, _CANDIDATES = 150, 28, 9, 12, 10
METRICS = {
    "topic": ("multiclass", "macro_f1"),
    "match": ("binary", "f1"),
    "rating": ("regression", "pearson"),
    "tags": ("multilabel", "macro_f1"),
    "entities": ("tagging", "span_f1"),
    "find": ("ranking", "ndcg@10"),
}
"""Kind and metric by task."""


def labels_of(task: str, rows: int) -> NDArray[np.float32]:
    """A task's labels, the same each time."""
    rng = np.random.default_rng(list(METRICS).index(task))
    drawn = {
        "topic": lambda: rng.integers(0, _CLASSES, rows),
        "match": lambda: rng.random(rows) < 0.3,  # noqa: PLR2004 - a share
        "rating": lambda: rng.normal(size=rows),
        "tags": lambda: rng.random((rows, _LABELS)) < 0.06,  # noqa: PLR2004 - likewise
        "entities": lambda: rng.integers(0, _TAGS, rows * _TOKENS) * (rng.random(rows * _TOKENS) < 0.2),  # noqa: PLR2004
        "find": lambda: rng.random(rows) < 0.2,  # noqa: PLR2004
    }
    return drawn[task]().astype(np.float32)


def part_of(task: str, rows: int, *, trial: int, metric: str | None = None) -> PredictedRows:
    """What a trial predicts of a task's test rows; by another metric of its kind, where one is given."""
    labels, rng = labels_of(task, rows), np.random.default_rng([trial, list(METRICS).index(task)])
    kind, usual = METRICS[task]
    width = {"topic": _CLASSES, "entities": _TAGS}.get(task)
    noise = rng.normal(size=labels.shape)
    outputs = likeliest = probabilities = offsets = None
    if width is None:
        outputs = (labels + noise if task == "rating" else 4 * labels - 2 + 2 * noise).astype(np.float32)
    else:
        said = np.where(rng.random(len(labels)) < 0.85, labels, rng.integers(0, width, len(labels)))  # noqa: PLR2004
        likeliest = ((said[:, None] + np.arange(3)) % width).astype(np.int32)
        probabilities = (rng.uniform(0.5, 1, (len(labels), 1)) / [1, 3, 9]).astype(np.float16)
    if task == "entities":
        offsets = np.arange(0, len(labels) + 1, _TOKENS)
    if task == "find":
        offsets = np.arange(0, rows + 1, _CANDIDATES)
    names = {
        "topic": [f"c{at}" for at in range(_CLASSES)],
        "match": ["no", "yes"],
        "tags": [f"l{at}" for at in range(_LABELS)],
    }
    tags = ["O", *(f"{place}-{kind}" for kind in "abcd" for place in "BI")]
    return PredictedRows(
        task=task,
        split="test",
        kind=kind,
        metric=metric or usual,
        extent={"entities": "token", "find": "group"}.get(task, "row"),
        table=list(METRICS).index(task),
        classes=tuple(names.get(task, tags if task == "entities" else ())),
        threshold=0.5,
        center=0.0,
        scale=1.0,
        rows=np.arange(rows, dtype=np.int32),
        offsets=offsets,
        labels=labels,
        outputs=outputs,
        likeliest=likeliest,
        probabilities=probabilities,
    )


def write_sweep(folder: Path, rows: int) -> None:
    """A sweep's folder, every task with so many test rows."""
    sweep = SweepFolder.at(str(folder))
    for strategy in range(STRATEGIES):
        for seed in range(SEEDS):
            data = to_bytes([part_of(task, rows, trial=strategy * SEEDS + seed) for task in METRICS])
            name = f"drawn-s{strategy}-c0-s{seed}"
            sweep.predictions.write(f"{name}{PARQUET}", data)
            write_records(sweep, name, list(_records(name, f"s{strategy}", seed, mark=checksum(data))))


def _records(name: str, strategy: str, seed: int, *, mark: str) -> Iterator[TaskRecord]:
    for at, (task, (kind, metric)) in enumerate(METRICS.items()):
        identity = TaskIdentity(
            sweep="drawn",
            setup="drawn",
            strategy=strategy,
            curriculum="joint",
            balancer=strategy,
            role="baseline",
            stage="replicate",
            config_index=0,
            config="{}",
            seed=seed,
            trial=name,
            task=task,
            task_index=at,
            kind=kind,
            metric=metric,
            sign=1,
            train_rows=1,
            trivial=0.0,
            perfect=1.0,
        )
        end = TrialEnd(status="ok", score=0.5, predictions=mark)
        yield TaskRecord(identity=identity, end=end, result=TaskResult(valid=0.5, test=0.5))


def main() -> None:
    """Write a sweep's folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    given = parser.parse_args()
    write_sweep(given.folder, given.rows)


if __name__ == "__main__":
    main()

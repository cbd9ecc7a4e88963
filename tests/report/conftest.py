"""Records as a real sweep leaves them, made up: tasks that peak at different times, strategies that differ a little."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ray_mtlkd.records import (
    ClassicalRecord,
    CurvePoint,
    Event,
    TaskIdentity,
    TaskRecord,
    TaskResult,
    TrialEnd,
    TrialWarning,
    classical_to_table,
    to_table,
)
from ray_mtlkd.report.load import of
from ray_mtlkd.report.runs import Setup, group
from tests.columns import changed

TASKS = {
    "similar": ("atis", "snips", "banking", "clinc", "hwu"),
    "diverse": ("product", "match", "rating", "tags", "entities"),
}
METRICS = {
    "product": ("multiclass", "accuracy", 1),
    "match": ("binary", "f1", 1),
    "rating": ("regression", "rmse", -1),
    "tags": ("multilabel", "average_precision", 1),
    "entities": ("tagging", "span_f1", 1),
}
STRATEGIES = {
    "sum": ("joint", "sum", "baseline", 0.0),
    "static": ("joint", "static", "baseline", 0.002),
    "uncertainty": ("joint", "uncertainty", "baseline", 0.004),
    "gradnorm": ("joint", "gradnorm", "baseline", 0.001),
    "pcgrad": ("joint", "pcgrad", "baseline", 0.006),
    "joint_kd": ("joint_kd", "sum", "kd", 0.018),
    "sequential_kd": ("sequential_kd", "sum", "kd", 0.014),
    "stop": ("stop", "sum", "control", -0.004),
    "rewind_only": ("rewind_only", "sum", "control", 0.003),
    "sequential": ("sequential", "sum", "control", -0.02),
    "single_task": ("single_task", "sum", "reference", -0.008),
}
POINTS = 20
BATCHES = 6000
REWIND = 2100
LABELS = "entities: 3 valid rows have labels that train lacks"


def _curve(
    task: int, *, curriculum: str, top: float, conflict: float | None, rng: random.Random
) -> tuple[list[CurvePoint], list[Event]]:
    """A task that rises to ``top``, overfits under hard labels, and stays at its peak once it distils."""
    sequential = curriculum.startswith("sequential")
    start = task * BATCHES // 8 if sequential else 0
    peak = start + (BATCHES // 12 if sequential else BATCHES * (task + 2) // 10)
    distils = curriculum.endswith("kd")
    points, events = [], []
    switched = False
    for at in range(1, POINTS + 1):
        batches = at * BATCHES // POINTS
        rewound = 900 if curriculum == "joint_kd" and batches > REWIND else 0
        rise = 1 - math.exp(-3.5 * max(0, batches - rewound - start) / (peak - start))
        fall = 0.0 if distils else 0.12 * max(0, batches - peak) / BATCHES
        switches = distils and not switched and batches - rewound > peak
        switched |= switches
        phase = "waiting" if batches <= start else "distilling" if switched else "labels"
        valid = None if phase == "waiting" else top * (rise - fall) + rng.gauss(0, 0.004)
        points.append(
            CurvePoint(
                step=at * 60,
                batches=batches,
                valid=valid,
                loss=1 - rise,
                weight=0.2,
                phase=phase,
                conflict=conflict,
            ),
        )
        if switches:
            said = {"step": at * 60, "batches": batches, "task": f"t{task}", "reason": "no gain for 5 evaluations"}
            events += [Event(kind="converge", **said), Event(kind="relabel", **said, model_step=at * 60 - 300)]
    if curriculum == "joint_kd":
        events.append(Event(step=420, batches=REWIND, kind="rewind", task=None, reason="to step 300", model_step=300))
    return points, events


def fake_trial(*, setup: str, strategy: str, seed: int, stage: str = "replicate", config: int = 0) -> list[TaskRecord]:
    """One trial of five tasks; the same arguments give the same records."""
    curriculum, balancer, role, lift = STRATEGIES[strategy]
    rng = random.Random(f"{setup}/{strategy}/{seed}/{stage}/{config}")
    luck = random.Random(f"{setup}/{seed}")
    records = []
    for index, task in enumerate(TASKS[setup]):
        kind, metric, sign = METRICS.get(task, ("multiclass", "accuracy", 1))
        skill = 0.9 - 0.07 * index + luck.gauss(0, 0.01) + lift + rng.gauss(0, 0.006)
        conflict = 0.1 * index if balancer == "pcgrad" else None
        curve, events = _curve(index, curriculum=curriculum, top=skill, conflict=conflict, rng=rng)
        distils = role == "kd"
        trivial, perfect = (1.4, 0.0) if sign < 0 else (0.1, 1.0)

        def metric_of(share: float, trivial: float = trivial, perfect: float = perfect) -> float:
            return trivial + share * (perfect - trivial)

        curve = [p if p.valid is None else replace(p, valid=metric_of(p.valid)) for p in curve]
        events = [event if event.task is None else replace(event, task=task) for event in events]
        identity = TaskIdentity(
            sweep="fake-1a2b3c4d",
            setup=setup,
            strategy=strategy,
            curriculum=curriculum,
            balancer=balancer,
            role=role,
            stage=stage,
            config_index=config,
            config=f'{{"training.lr": {0.001 * (config + 1):g}, "training.batch": 32}}',
            seed=seed,
            trial=f"{setup}-{strategy}-{stage}-c{config}-s{seed}",
            task=task,
            task_index=index,
            kind=kind,
            metric=metric,
            sign=sign,
            train_rows=1000 * (index + 1),
            trivial=trivial,
            perfect=perfect,
        )
        result = TaskResult(
            valid=metric_of(skill),
            test=metric_of(skill - 0.01 + rng.gauss(0, 0.004)),
            valid_peak=metric_of(skill + 0.004),
            test_peak=metric_of(skill - 0.007),
            peak_step=300,
            valid_end=metric_of(skill),
            teacher=metric_of(skill + 0.003) if distils else None,
            retention=metric_of(skill) / metric_of(skill + 0.003) if distils else None,
            converged_step=600 if distils else None,
            teacher_step=300 if distils else None,
            checkpoint_step=900,
            relabelled_where="inline" if distils else None,
            curve=curve,
            events=events,
        )
        end = TrialEnd(
            status="ok",
            warnings=[TrialWarning(kind="data", task=None, text=LABELS)] if task == "entities" else [],
            score=0.76 + lift + luck.gauss(0, 0.001) + 0.001 * config,
            steps=1200,
            batches=BATCHES,
            wall_s=30.0 + rng.random(),
            cpu_s=29.0 + rng.random(),
            parameters=5000,
            trained_parameters=5000,
        )
        records.append(TaskRecord(identity=identity, end=end, result=result))
    return [changed(record, score=records[0].end.score) for record in records]


def failed(records: Sequence[TaskRecord], error: str) -> list[TaskRecord]:
    """The same trial, ended by an error."""
    return [replace(each, end=TrialEnd(status="failed", error=error), result=TaskResult()) for each in records]


def write(folder: Path, trials: Iterator[list[TaskRecord]]) -> Path:
    """A sweep's directory whose records are these trials, one file each."""
    (folder / "records").mkdir(parents=True, exist_ok=True)
    for records in trials:
        pq.write_table(to_table(records), folder / "records" / f"{records[0].identity.trial}.parquet")
    return folder


def fake_sweep(folder: Path, *, setups: Sequence[str], strategies: Sequence[str], seeds: int) -> Path:
    """Two searched configurations and ``seeds`` replicates of every strategy in every setup."""

    def trials() -> Iterator[list[TaskRecord]]:
        for setup, strategy in product(setups, strategies):
            for config in range(2):
                yield fake_trial(setup=setup, strategy=strategy, seed=0, stage="search", config=config)
            for seed in range(100, 100 + seeds):
                trial = fake_trial(setup=setup, strategy=strategy, seed=seed, config=1)
                lost = (strategy, seed) == ("gradnorm", 101)
                yield failed(trial, "loss is NaN in task rating at step 420") if lost else trial

    return write(folder, trials())


def made(
    strategy: str,
    *,
    seed: int,
    test: Sequence[float],
    valid: Sequence[float] | None = None,
    signs: Sequence[int] | None = None,
    **columns: object,
) -> list[TaskRecord]:
    """A replicate trial whose metrics are given by hand, tasks ``t0``, ``t1``, …; other columns by name.

    A strategy is what the first word of its name says.
    """
    base = fake_trial(setup="similar", strategy=strategy.partition(" ")[0], seed=seed)[0]
    base = changed(base, strategy=strategy, sweep="w", setup="s", relabelled_where=None, curve=[], events=[])
    stage = str(columns.get("stage", base.identity.stage))
    setup, sweep = columns.get("setup", "s"), columns.get("sweep", "w")
    name = f"{sweep}-{setup}-{strategy}-{stage}-{columns.get('config_index', 0)}-{seed}"
    records = []
    for at, metric in enumerate(test):
        shown = metric if valid is None else valid[at]
        sign = 1 if signs is None else signs[at]
        scale = {"trivial": 0.0, "perfect": 1.0} if sign > 0 else {"trivial": 4.0, "perfect": 0.0}
        own = {"task": f"t{at}", "task_index": at, "sign": sign, "trial": name, **scale}
        peaks = {"valid": shown, "test": metric, "valid_peak": shown, "test_peak": metric, "score": sum(valid or test)}
        records.append(changed(base, **{**own, **peaks, "wall_s": 2.0, "cpu_s": 1.5, **columns}))
    return records


def classical_record(task: str, **columns: object) -> ClassicalRecord:
    """A classical model of task ``task`` in setup ``s``; other columns by name."""
    own = {"setup": "s", "content": "c", "version": "1", "kind": "multiclass", "metric": "accuracy", "sign": 1}
    figures = {"valid": 0.5, "test": 0.5, "trivial_valid": 0.1, "trivial_test": 0.1, "cpu_s": 1.0}
    return ClassicalRecord(**{"task": task, "model": "gradient boosting", **own, **figures, **columns})


def write_classical(path: Path, records: Sequence[ClassicalRecord]) -> None:
    """A file of baselines, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(classical_to_table(records), path)


@pytest.fixture(name="classical_record")
def _classical_record() -> Callable[..., ClassicalRecord]:
    return classical_record


@pytest.fixture(name="write_classical")
def _write_classical() -> Callable[..., None]:
    return write_classical


@pytest.fixture(name="fake_trial")
def _fake_trial() -> Callable[..., list[TaskRecord]]:
    return fake_trial


@pytest.fixture(name="made")
def _made() -> Callable[..., list[TaskRecord]]:
    return made


@pytest.fixture(name="setups_of")
def _setups_of() -> Callable[..., tuple[Setup, ...]]:
    """Setups from trials."""
    return lambda *trials: group(of([record for trial in trials for record in trial]).table)


@pytest.fixture(name="failed")
def _failed() -> Callable[..., list[TaskRecord]]:
    return failed


@pytest.fixture(name="write")
def _write() -> Callable[..., Path]:
    return write


@pytest.fixture(scope="session")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two setups, eleven strategies, three seeds; one trial failed."""
    return fake_sweep(
        tmp_path_factory.mktemp("fake"), setups=("similar", "diverse"), strategies=tuple(STRATEGIES), seeds=3
    )

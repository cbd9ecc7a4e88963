"""From a trial's end to its records."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ray_mtlkd.data.examples import SetupTables, TaskTables
from ray_mtlkd.records import TaskIdentity, TaskRecord, TaskResult, TrialEnd, TrialWarning
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.tasks.metrics import metric_of
from ray_mtlkd.training.configuration import flat


def records_of(
    trial: Trial, tables: SetupTables[Any], *, sweep: str, end: TrialEnd, results: Sequence[TaskResult] | None = None
) -> list[TaskRecord]:
    """The records of a trial, one a task.

    Args:
        trial: What ran.
        tables: What it ran on.
        sweep: Identity of the sweep.
        end: How it ended.
        results: Of every task; None where there are none, since the trial could not go on.
    """
    data = [TrialWarning(kind="data", task=None, text=text) for text in tables.warnings]
    end = replace(end, warnings=[*data, *end.warnings])
    if results is None:
        results = [TaskResult() for _ in tables.tasks]
    return [
        TaskRecord(identity=_identity(trial, tables, index, sweep=sweep), end=end, result=result)
        for index, result in enumerate(results)
    ]


def _identity(trial: Trial, tables: SetupTables[Any], index: int, *, sweep: str) -> TaskIdentity:
    strategy = trial.configuration.strategy
    curriculum, balancer = strategy.references
    table: TaskTables[Any] = tables.tasks[index]
    metric = metric_of(table.task)
    return TaskIdentity(
        sweep=sweep,
        setup=tables.name,
        strategy=trial.strategy,
        curriculum=curriculum,
        balancer=balancer,
        role=strategy.curriculum.role,
        stage=trial.stage,
        config_index=trial.index,
        config=json.dumps(flat(trial.configuration), sort_keys=True),
        seed=trial.seed,
        trial=trial.name,
        task=table.task.name,
        task_index=index,
        kind=table.task.kind,
        metric=metric.name,
        sign=metric.sign,
        train_rows=len(table.train),
        trivial=table.trivial_valid,
        perfect=metric.perfect,
        weight=table.task.weight,
    )

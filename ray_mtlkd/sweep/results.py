"""From a trial's outcome to its records."""

import json
from typing import Any

from ray_mtlkd.data.examples import SetupTables, TaskTables
from ray_mtlkd.records import TaskRecord
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.tasks.metrics import metric_of
from ray_mtlkd.training.configuration import flat
from ray_mtlkd.training.job import Outcome


def records_of(trial: Trial, tables: SetupTables[Any], *, sweep: str, outcome: Outcome) -> list[TaskRecord]:
    """The records of a trial that ended well, one a task."""
    return [
        TaskRecord(
            **_identity(trial, tables, index, sweep=sweep),
            status="ok",
            error=None,
            notes=[*tables.warnings, *outcome.notes],
            valid=result.valid,
            test=result.test,
            valid_peak=result.valid_peak,
            test_peak=result.test_peak,
            teacher=result.teacher,
            retention=result.retention,
            score=outcome.score,
            converged_step=result.converged_step,
            teacher_step=result.teacher_step,
            checkpoint_step=result.checkpoint_step,
            steps=outcome.steps,
            batches=outcome.batches,
            wall_s=outcome.wall_s,
            cpu_s=outcome.cpu_s,
            relabelled=result.relabelled,
            curve=result.curve,
            events=result.events,
        )
        for index, result in enumerate(outcome.tasks)
    ]


def failed_records(trial: Trial, tables: SetupTables[Any], *, sweep: str, error: str) -> list[TaskRecord]:
    """The records of a trial that could not go on, one a task, without metrics."""
    return [
        TaskRecord(
            **_identity(trial, tables, index, sweep=sweep),
            status="failed",
            error=error,
            notes=list(tables.warnings),
            valid=None,
            test=None,
            valid_peak=None,
            test_peak=None,
            teacher=None,
            retention=None,
            score=None,
            converged_step=None,
            teacher_step=None,
            checkpoint_step=None,
            steps=0,
            batches=0,
            wall_s=0.0,
            cpu_s=0.0,
        )
        for index in range(len(tables.tasks))
    ]


def _identity(trial: Trial, tables: SetupTables[Any], index: int, *, sweep: str) -> dict[str, Any]:
    strategy = trial.configuration.strategy
    curriculum, balancer = strategy.references
    table: TaskTables[Any] = tables.tasks[index]
    metric = metric_of(table.task)
    return {
        "sweep": sweep,
        "setup": tables.name,
        "strategy": trial.strategy,
        "curriculum": curriculum,
        "balancer": balancer,
        "role": strategy.curriculum.role,
        "stage": trial.stage,
        "config_index": trial.index,
        "config": json.dumps(flat(trial.configuration), sort_keys=True),
        "seed": trial.seed,
        "trial": trial.name,
        "task": table.task.name,
        "task_index": index,
        "kind": table.task.kind,
        "metric": metric.name,
        "sign": metric.sign,
        "train_rows": len(table.train),
        "trivial": table.trivial_valid,
        "perfect": metric.perfect,
    }

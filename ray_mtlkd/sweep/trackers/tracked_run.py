"""What trackers are told of a trial that has ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ray_mtlkd.records import TaskRecord
from ray_mtlkd.sweep.scalars import final_scalars, task_scalars
from ray_mtlkd.sweep.strategy_space import is_in

Scalars = Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A trial, under the names that TensorBoard shows.

    Attributes:
        stage: ``search`` or ``replicate``.
        parameters: Which trial it is, and what its search space varies.
        curves: Scalars of every evaluation, by the task batches spent until then, ascending.
        final: Of its end, after ``batches``; empty where it failed.
        error: What ended it; None where it ended well.
    """

    trial: str
    stage: str
    parameters: Mapping[str, str | int | float | bool | None]
    curves: Mapping[int, Scalars]
    final: Scalars
    batches: int
    wall_s: float
    error: str | None


def tracked_run(records: Sequence[TaskRecord], *, swept: Sequence[str]) -> TrackedRun:
    """A trial from its records.

    Args:
        records: One a task.
        swept: Paths of settings that its strategy's search space varies.
    """
    about, end = records[0].identity, records[0].end
    settings = json.loads(about.config)
    varied = {key: value for key, value in settings.items() if any(is_in(key, path) for path in swept)}
    curves: dict[int, dict[str, float | None]] = {}
    for record in records:
        for point in record.result.curve:
            curves.setdefault(point.batches, {}).update(task_scalars(record.identity.task, point))
    tasks = [record.identity.task for record in records]
    return TrackedRun(
        trial=about.trial,
        stage=about.stage,
        parameters={
            "setup": about.setup,
            "strategy": about.strategy,
            "stage": about.stage,
            "configuration": about.config_index,
            "seed": about.seed,
            **varied,
        },
        curves={at: _there(curves[at]) for at in sorted(curves)},
        final=_there(final_scalars(end, tasks, [record.result for record in records])),
        batches=end.batches,
        wall_s=end.wall_s,
        error=None if end.status == "ok" else end.error or end.status,
    )


def _there(scalars: Mapping[str, float | None]) -> Scalars:
    return {name: value for name, value in scalars.items() if value is not None}

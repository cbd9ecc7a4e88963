"""What a finished run amounts to: every task at the checkpoint, at its own peak, and beside its teacher."""

from collections.abc import Sequence

from torch import Tensor

from ray_mtlkd.tasks.examples import TaskTables
from ray_mtlkd.training.evaluation import metric_of
from ray_mtlkd.training.job import Outcome, TaskOutcome
from ray_mtlkd.training.moments import Moments
from ray_mtlkd.training.progress import Best, Peak, Progress


def settle(
    progress: Progress, *, best: Best, moments: Moments, tables: Sequence[TaskTables[Tensor]]
) -> tuple[TaskOutcome, ...]:
    """Measure the checkpoint and the peaks on test."""
    return tuple(
        _settle_task(progress, task, best=best, moments=moments, table=table) for task, table in enumerate(tables)
    )


def summarise(progress: Progress, *, best: Best, tasks: tuple[TaskOutcome, ...]) -> Outcome:
    """The run as a whole."""
    return Outcome(
        tasks=tasks,
        score=best.score,
        steps=progress.step,
        batches=progress.batches,
        wall_s=progress.wall_s,
        cpu_s=progress.cpu_s,
        notes=tuple(progress.notes),
    )


def _settle_task(
    progress: Progress, task: int, *, best: Best, moments: Moments, table: TaskTables[Tensor]
) -> TaskOutcome:
    teacher = progress.teachers[task]
    peak = progress.peaks[task] or Peak(value=best.values[task], step=best.step)
    return TaskOutcome(
        valid=best.values[task],
        test=metric_of(moments.model(best.step), task, table, table.test),
        valid_peak=peak.value,
        test_peak=metric_of(moments.model(peak.step), task, table, table.test),
        teacher=None if teacher is None else teacher.value,
        retention=None if teacher is None or teacher.value == 0 else best.values[task] / teacher.value,
        converged_step=None if teacher is None else teacher.noticed,
        teacher_step=None if teacher is None else teacher.step,
        checkpoint_step=best.step,
        relabelled=progress.relabelled.get(task),
        curve=progress.curves[task],
        events=[event for event in progress.events if event.task in {None, table.task.name}],
    )

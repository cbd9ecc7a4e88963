"""What a finished run amounts to: every task at the checkpoint, at its own peak, and beside its teacher."""

from torch import Tensor

from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.models.architecture import relations
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.models.size import ParameterCounts
from ray_mtlkd.records import TaskResult, TrialEnd, TrialWarning
from ray_mtlkd.training.evaluation.evaluate import metrics_of, score
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.state.progress import Best, Peak, Progress
from ray_mtlkd.training.state.snapshots import Snapshots


def settle(progress: Progress, *, best: Best, snapshots: Snapshots, job: Job) -> tuple[TaskResult, ...]:
    """Measure the checkpoint and the peaks on test, and how the checkpoint's model relates tasks."""
    tables = job.tables
    peaks = [peak or Peak(value=value, step=best.step) for peak, value in zip(progress.peaks, best.values, strict=True)]
    everything = range(len(tables.tasks))
    model = snapshots.model(best.step)
    tested = metrics_of(model, tables, "test", everything)
    related = relations(model, job.configuration.architecture) or [[] for _ in everything]
    at_peak: dict[int, float] = {}
    for step in sorted({peak.step for peak in peaks}):
        tasks = [task for task in everything if peaks[task].step == step]
        if step == best.step:
            at_peak.update({task: tested[task] for task in tasks})
            continue
        at_peak.update(zip(tasks, metrics_of(snapshots.model(step), tables, "test", tasks), strict=True))
    return tuple(
        _settle_task(
            progress,
            task,
            name=tables.tasks[task].task.name,
            best=best,
            peak=peaks[task],
            test=tested[task],
            test_peak=at_peak[task],
            related=related[task],
        )
        for task in everything
    )


def last_resort(progress: Progress, *, model: MultitaskModel, tables: SetupTables[Tensor]) -> Best:
    """The last step, where no evaluation saw every task started; warns of those that had not."""
    progress.warnings += [
        TrialWarning(
            kind="untrained",
            task=table.task.name,
            text=f"the budget ended before {table.task.name} had trained and been evaluated: metrics are of the"
            " last step",
        )
        for table, peak in zip(tables.tasks, progress.peaks, strict=True)
        if peak is None
    ]
    values = metrics_of(model, tables, "valid", range(len(tables.tasks)))
    return Best(score=score(values, tables.tasks), step=progress.step, values=values)


def end_of(progress: Progress, *, best: Best, size: ParameterCounts, stopped_at: float | None) -> TrialEnd:
    """The run as a whole."""
    return TrialEnd(
        status="ok",
        warnings=progress.warnings,
        score=best.score,
        steps=progress.step,
        batches=progress.batches,
        wall_s=progress.wall_s,
        cpu_s=progress.cpu_s,
        rungs=progress.rungs,
        stopped_at=stopped_at,
        parameters=size.total,
        trained_parameters=size.trained,
    )


def _settle_task(
    progress: Progress,
    task: int,
    *,
    name: str,
    best: Best,
    peak: Peak,
    test: float,
    test_peak: float,
    related: list[float | None],
) -> TaskResult:
    teacher, relabelling = progress.teachers[task], progress.relabelled.get(task)
    return TaskResult(
        valid=best.values[task],
        test=test,
        valid_peak=peak.value,
        test_peak=test_peak,
        peak_step=peak.step,
        valid_end=progress.curves[task][-1].valid if progress.curves[task] else None,
        teacher=None if teacher is None else teacher.value,
        retention=best.values[task] / teacher.value if teacher is not None and teacher.value else None,
        converged_step=None if teacher is None else teacher.noticed,
        teacher_step=None if teacher is None else teacher.step,
        checkpoint_step=best.step,
        relabelled_where=None if relabelling is None else relabelling.where,
        relabelled_why=None if relabelling is None else relabelling.why,
        taught_rows=[] if relabelling is None else list(relabelling.tables),
        distilled_rows=None if relabelling is None else sum(table.drawn for table in relabelling.tables),
        cosines=progress.agreement.mean_cosines(task),
        affinities=progress.agreement.mean_affinities(task),
        relations=related,
        curve=progress.curves[task],
        events=[event for event in progress.events if event.task in {None, name}],
    )

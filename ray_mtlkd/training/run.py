"""A whole trial: one run over all tasks, one a task where each has its own model, or one after its teachers' runs."""

from collections.abc import Sequence
from dataclasses import replace

from ray_mtlkd.records import Rung, TrialEnd
from ray_mtlkd.storage import Storage
from ray_mtlkd.training.evaluation.evaluate import weighted_mean
from ray_mtlkd.training.job import Chosen, Job, Keep, Ladder, Lesson, Outcome, RelabelFunction, Report, SoftLabels
from ray_mtlkd.training.loop import Loop
from ray_mtlkd.training.schooling import RunPart, TrialPart, train_taught
from ray_mtlkd.training.spent import Spent
from ray_mtlkd.training.state.checkpoint import Checkpoints
from ray_mtlkd.training.state.progress import Evaluation


def train(
    job: Job,
    *,
    relabel: RelabelFunction,
    report: Report,
    storage: Storage,
    checkpoint_every_s: float,
    ladder: Ladder | None = None,
    keep: Keep | None = None,
) -> Outcome:
    """Train and measure; the same job gives the same outcome bit for bit (but for the times), however often it resumes.

    Where the ladder ends early, the outcome is what the run amounts to so far, and another call goes on from there.

    Args:
        job: What to train.
        relabel: Computes a teacher's soft labels.
        report: Called after each evaluation.
        storage: A folder of this trial's own, for its checkpoints.
        checkpoint_every_s: Least time between two checkpoints; 0 writes one at each evaluation.
        ladder: How far to go; to the end unless told. Where every task has a model of its own, each goes as far as its
            own budget's share.
        keep: Takes the model that the trial is measured at, once it is known; one a task where each has its own. Told
            again where a trial resumes after that.

    Raises:
        MtlkdError: where a loss or an output stops being finite, or a checkpoint does not fit.
    """
    curriculum, ladder = job.configuration.strategy.curriculum, ladder or Ladder()
    has_parts = curriculum.own_models or curriculum.schooling is not None

    def run(part: TrialPart) -> Outcome:
        return Loop(
            part.job,
            relabel=relabel,
            report=part.report,
            checkpoints=Checkpoints(part.folder, job=part.job.fingerprint),
            checkpoint_every_s=checkpoint_every_s,
            checkpoint_at_end=has_parts,
            ladder=part.ladder,
            keep=part.keep,
            lessons=part.lessons,
        ).run()

    lessons = _given(job) if curriculum.role == "kd" else {}
    whole = TrialPart(job=job, report=report, folder=storage, keep=keep, ladder=ladder, lessons=lessons)
    if curriculum.schooling is not None:
        return train_taught(whole, curriculum.schooling, run=run, relabel=relabel)
    return _train_each(whole, run=run) if curriculum.own_models else run(whole)


def _given(job: Job) -> dict[int, Lesson]:
    """What teachers from elsewhere have said."""
    return {
        task: Lesson(
            soft=SoftLabels(outputs=table.given.outputs, where="given", why=table.given.source),
            value=table.given.value,
            who=f"the teacher at {table.given.source}",
        )
        for task, table in enumerate(job.tables.tasks)
        if table.given is not None
    }


def _train_each(whole: TrialPart, *, run: RunPart) -> Outcome:
    """A run a task, one after the other."""
    job = whole.job
    outcomes: list[Outcome] = []
    spent = Spent()
    for index, table in enumerate(job.tables.tasks):
        part = replace(
            whole,
            job=job.alone(index),
            report=_shifted(whole.report, steps=index * job.configuration.training.steps, tasks=len(job.tables.tasks)),
            folder=whole.folder.child(table.task.name),
            keep=None if whole.keep is None else spent.later_keep(_owned(whole.keep, task=table.task.name)),
        )
        outcome = run(part)
        outcomes.append(replace(outcome, tasks=spent.later_tasks(outcome)))
        spent.add(outcome)
    return _merged(outcomes, spent, weights=[table.task.weight for table in job.tables.tasks])


def _shifted(report: Report, *, steps: int, tasks: int) -> Report:
    """A report that counts on from what the runs before may spend, wherever they have paused or end."""

    def tell(evaluation: Evaluation) -> None:
        report(
            replace(
                evaluation,
                step=evaluation.step + steps,
                batches=evaluation.batches + steps,
                budget=evaluation.budget * tasks,
                score=None,
            )
        )

    return tell


def _owned(keep: Keep, *, task: str) -> Keep:
    """Keeps a model as the task's own."""

    def tell(chosen: Chosen) -> None:
        keep(replace(chosen, own=task))

    return tell


def _merged(outcomes: list[Outcome], spent: Spent, *, weights: Sequence[float]) -> Outcome:
    """Runs one after the other as one trial, whose score is the mean of theirs by the weights of their tasks."""
    ends = [outcome.end for outcome in outcomes]
    return Outcome(
        end=TrialEnd(
            status="ok",
            warnings=[warning for end in ends for warning in end.warnings],
            score=_mean([end.score for end in ends], weights),
            steps=spent.steps,
            batches=spent.batches,
            wall_s=spent.wall_s,
            cpu_s=spent.cpu_s,
            rungs=[_merged_rung(rungs, weights) for rungs in zip(*(end.rungs for end in ends), strict=True)],
            stopped_at=max((end.stopped_at for end in ends if end.stopped_at is not None), default=None),
        ),
        tasks=tuple(task for outcome in outcomes for task in outcome.tasks),
    )


def _merged_rung(rungs: Sequence[Rung], weights: Sequence[float]) -> Rung:
    """The same rung of runs that are one trial; each run is of one task, which starts at once and has a score."""
    return replace(rungs[0], score=_mean([rung.score for rung in rungs], weights))


def _mean(scores: Sequence[float | None], weights: Sequence[float]) -> float:
    """Of those that are there."""
    known = [(score, weight) for score, weight in zip(scores, weights, strict=True) if score is not None]
    return weighted_mean([score for score, _ in known], [weight for _, weight in known])

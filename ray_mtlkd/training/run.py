"""A whole trial: one run over all tasks, one a model where there are several, or one after its teachers' runs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ray_mtlkd.records import Rung, TaskResult, TrialEnd
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
        ladder: How far to go; to the end unless told. Where there are several models, each goes as far as its own
            budget's share.
        keep: Takes the model that the trial is measured at, once it is known; each of them where there are several.
            Told again where a trial resumes after that.

    Raises:
        MtlkdError: where a loss or an output stops being finite, or a checkpoint does not fit.
    """
    curriculum, ladder = job.configuration.strategy.curriculum, ladder or Ladder()
    has_parts = curriculum.groups is not None or curriculum.schooling is not None

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
    return run(whole) if curriculum.groups is None else _train_each(whole, run=run)


def _given(job: Job) -> dict[int, Lesson]:
    """What teachers from elsewhere have said."""
    return {
        task: Lesson(
            soft=SoftLabels(outputs=table.given.outputs, where="given", why=table.given.source),
            rows="own",
            value=table.given.value,
            who=f"the teacher at {table.given.source}",
        )
        for task, table in enumerate(job.tables.tasks)
        if table.given is not None
    }


def _train_each(whole: TrialPart, *, run: RunPart) -> Outcome:
    """A run a model, one after the other."""
    job = whole.job
    outcomes: list[tuple[Job, Outcome]] = []
    spent, before = Spent(), 0
    for index, own in enumerate(job.parts):
        first = own.tables.tasks[0].task.name
        part = replace(
            whole,
            job=own,
            report=_shifted(
                whole.report, steps=index * job.configuration.training.steps, batches=before, budget=job.budget
            ),
            folder=whole.folder.child(first),
            keep=None if whole.keep is None else spent.later_keep(_owned(whole.keep, task=first)),
        )
        outcome = run(part)
        outcomes.append((own, replace(outcome, tasks=spent.later_tasks(outcome))))
        spent.add(outcome)
        before += own.budget
    return _merged(outcomes, spent, tasks=[table.task.name for table in job.tables.tasks])


def _shifted(report: Report, *, steps: int, batches: int, budget: int) -> Report:
    """A report that counts on from what the runs before may spend, wherever they have paused or end."""

    def tell(evaluation: Evaluation) -> None:
        report(
            replace(
                evaluation,
                step=evaluation.step + steps,
                batches=evaluation.batches + batches,
                budget=budget,
                score=None,
            )
        )

    return tell


def _owned(keep: Keep, *, task: str) -> Keep:
    """Keeps a model under the name of its first task."""

    def tell(chosen: Chosen) -> None:
        keep(replace(chosen, own=task))

    return tell


def _merged(outcomes: Sequence[tuple[Job, Outcome]], spent: Spent, *, tasks: Sequence[str]) -> Outcome:
    """Runs one after the other as one trial, whose score is the mean of theirs by the weights of their tasks.

    Args:
        outcomes: Each with the job that it is of.
        spent: By all of them.
        tasks: Names, in the order of the trial's setup.
    """
    ends = [outcome.end for _, outcome in outcomes]
    weights = [sum(table.task.weight for table in job.tables.tasks) for job, _ in outcomes]
    found: dict[str, TaskResult] = {}
    for job, outcome in outcomes:
        names = [table.task.name for table in job.tables.tasks]
        found |= {name: _spread(result, names, tasks) for name, result in zip(names, outcome.tasks, strict=True)}
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
            parameters=_sum(end.parameters for end in ends),
            trained_parameters=_sum(end.trained_parameters for end in ends),
        ),
        tasks=tuple(found[name] for name in tasks),
    )


def _sum(counts: Iterable[int | None]) -> int | None:
    """Of all; None where one is not known."""
    known = list(counts)
    return None if None in known else sum(count for count in known if count is not None)


def _spread(result: TaskResult, names: Sequence[str], tasks: Sequence[str]) -> TaskResult:
    """A result whose rows of matrices are of the tasks of one model, with rows of all tasks."""

    def row(found: Sequence[float | None]) -> list[float | None]:
        by_name = dict(zip(names, found, strict=True)) if found else {}
        return [by_name.get(task) for task in tasks] if found else []

    return replace(
        result,
        cosines=row(result.cosines),
        affinities=row(result.affinities),
        relations=row(result.relations),
    )


def _merged_rung(rungs: Sequence[Rung], weights: Sequence[float]) -> Rung:
    """The same rung of runs that are one trial; in each all tasks start at once, so that it has a score."""
    return replace(rungs[0], score=_mean([rung.score for rung in rungs], weights))


def _mean(scores: Sequence[float | None], weights: Sequence[float]) -> float:
    """Of those that are there."""
    known = [(score, weight) for score, weight in zip(scores, weights, strict=True) if score is not None]
    return weighted_mean([score for score, _ in known], [weight for _, weight in known])

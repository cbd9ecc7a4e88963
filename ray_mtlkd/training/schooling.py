"""A trial in which other models train first, at its expense, and teach the one that is measured.

With B the budget in task batches, T tasks and a share s of B for K seeds of teachers, each teacher trains for at most
s / K of the steps: alone it costs one batch a step, and T of them train; together with the other tasks it costs T. The
student has what they leave, (B - spent) / T steps, so that all together spend B at most.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from ray_mtlkd.decode import join
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import Strategy
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.curricula.base import Schooling
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job, Keep, Ladder, Lesson, Outcome, RelabelFunction, Report
from ray_mtlkd.training.lessons import Lessons
from ray_mtlkd.training.spent import Spent


@dataclass(frozen=True, kw_only=True)
class TrialPart:
    """One of a trial's runs.

    Attributes:
        folder: For its checkpoints.
    """

    job: Job
    report: Report
    folder: Storage
    keep: Keep | None
    ladder: Ladder
    lessons: Mapping[int, Lesson]


RunPart = Callable[[TrialPart], Outcome]


def check_schooling(configuration: Configuration, *, where: str) -> None:
    """Make sure that teachers and student, where there are such, have steps enough to be evaluated.

    Raises:
        MtlkdError: at ``where``, where they have not.
    """
    schooling, training = configuration.strategy.curriculum.schooling, configuration.training
    if schooling is None:
        return
    found = {"a teacher": teacher_steps(training.steps, schooling), "the student": _left(training.steps, schooling)}
    for who, steps in found.items():
        if steps < training.eval_every:
            raise MtlkdError(
                f"{who} has {steps} of {training.steps} steps, and is evaluated every {training.eval_every}",
                where=join(where, "curriculum.teachers_share"),
                fix="change the share, have fewer teachers, or evaluate more often",
            )


def teacher_steps(steps: int, schooling: Schooling) -> int:
    """Steps of a teacher at most."""
    return int(schooling.share * steps / schooling.seeds)


def _left(steps: int, schooling: Schooling) -> int:
    """Steps of the student at least."""
    return steps - schooling.seeds * teacher_steps(steps, schooling)


def train_taught(whole: TrialPart, schooling: Schooling, *, run: RunPart, relabel: RelabelFunction) -> Outcome:
    """Train the teachers, then their student; the outcome is the student's, in a trial that began with its teachers.

    Teachers train to their end before the trial pauses: a rung among them has no score.

    Args:
        whole: The trial.
        schooling: Who teaches.
        run: Trains one model, from its last checkpoint on.
        relabel: Computes a teacher's soft labels.

    Raises:
        MtlkdError: where teachers or student would never be evaluated.
    """
    job, spent = whole.job, Spent()
    check_schooling(job.configuration, where="strategy")
    lessons = Lessons(job, relabel)
    for name, tasks, teacher in _teachers(job, schooling):
        part = replace(
            whole,
            job=teacher,
            report=spent.quiet(whole.report, budget=job.budget),
            folder=whole.folder.child(name),
            keep=lessons.listen(tasks),
            ladder=Ladder(),
            lessons={},
        )
        spent.add(run(part))
    student = _with_steps(job, (job.budget - spent.batches) // len(job.tables.tasks))
    part = replace(
        whole,
        job=student,
        report=spent.shifted(whole.report, budget=job.budget),
        folder=whole.folder.child("student"),
        keep=None if whole.keep is None else spent.later_keep(whole.keep),
        ladder=_of_student(whole.ladder, spent=spent.batches / job.budget, left=student.budget / job.budget),
        lessons=lessons.learnt(),
    )
    return spent.before(run(part), ladder=whole.ladder)


def _teachers(job: Job, schooling: Schooling) -> Iterator[tuple[str, tuple[int, ...], Job]]:
    """A name, the tasks and the job of each."""
    given = job.configuration
    everything = tuple(range(len(job.tables.tasks)))
    for number in range(schooling.seeds):
        seeded = replace(job, seed=_seed(job.seed, number))
        jobs = [((task,), seeded.alone(task)) for task in everything] if schooling.alone else [(everything, seeded)]
        balancer = Sum() if schooling.alone else given.strategy.balancer
        strategy = Strategy(name=given.strategy.name, curriculum=Joint(), balancer=balancer)
        for tasks, each in jobs:
            teacher = _with_steps(each, teacher_steps(given.training.steps, schooling))
            name = f"teacher-{number}-{each.tables.tasks[0].task.name}" if schooling.alone else f"teacher-{number}"
            yield name, tasks, replace(teacher, configuration=replace(teacher.configuration, strategy=strategy))


def _seed(seed: int, number: int) -> int:
    """Of teacher number so much; the first has the student's, the others one that no other trial is likely to have."""
    if number == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed}/teacher {number}".encode(), digest_size=4).digest()) >> 1


def _with_steps(job: Job, steps: int) -> Job:
    configuration = job.configuration
    return replace(job, configuration=replace(configuration, training=replace(configuration.training, steps=steps)))


def _of_student(ladder: Ladder, *, spent: float, left: float) -> Ladder:
    """The rungs that lie in the student's part of the trial, as shares of that."""

    def own(share: float) -> float:
        return max(0.0, (share - spent) / left)

    rungs = tuple(own(share) for share in ladder.rungs if share > spent)
    return Ladder(rungs=rungs, until=1.0 if ladder.until == 1 else own(ladder.until))

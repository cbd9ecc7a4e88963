"""A trial in which other models train first, at its expense, and teach the one that is measured.

With B the budget in task batches, T tasks and a share s of B for K seeds of teachers, each teacher trains for at most
s / K of the steps: alone it costs one batch a step, and T of them train; together with the other tasks it costs T. The
student has what they leave, (B - spent) / T steps, so that all together spend B at most.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from ray_mtlkd.decode import join
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.records import Rung, later
from ray_mtlkd.storage import Storage
from ray_mtlkd.strategies import Strategy
from ray_mtlkd.strategies.balancers.sum_ import Sum
from ray_mtlkd.strategies.curricula.base import Schooling
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.ensemble import mean_outputs
from ray_mtlkd.training.evaluation.evaluate import measure, predict_all
from ray_mtlkd.training.job import (
    Chosen,
    Job,
    Keep,
    Ladder,
    Lesson,
    Outcome,
    RelabelFunction,
    RelabelRequest,
    Report,
    SoftLabels,
)
from ray_mtlkd.training.state.progress import Evaluation


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
    job, spent = whole.job, _Spent()
    check_schooling(job.configuration, where="strategy")
    lessons = _Lessons(job, relabel)
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


class _Lessons:
    """What teachers say of each task's tables.

    Args:
        job: Of the student.
        relabel: Computes soft labels.
    """

    def __init__(self, job: Job, relabel: RelabelFunction) -> None:
        self._tables = job.tables.tasks
        self._relabel = relabel
        self._train: list[list[SoftLabels]] = [[] for _ in self._tables]
        self._valid: list[list[Tensor]] = [[] for _ in self._tables]

    def listen(self, tasks: tuple[int, ...]) -> Keep:
        """Takes in what a teacher of these tasks says."""

        def hear(chosen: Chosen) -> None:
            for index, task in enumerate(tasks):
                table = self._tables[task]
                request = RelabelRequest(
                    task=table.task.name, model=chosen.model, index=index, table=table, tasks=chosen.job.built_for
                )
                self._train[task].append(self._relabel(request))
                self._valid[task].append(predict_all(chosen.model, index, table.valid))

        return hear

    def learnt(self) -> dict[int, Lesson]:
        """By task, when all teachers were heard."""
        return {task: self._lesson(task) for task in range(len(self._tables))}

    def _lesson(self, task: int) -> Lesson:
        table, said = self._tables[task], self._train[task]
        outputs = mean_outputs(table.task, [each.outputs for each in said])
        count = len(said)
        return Lesson(
            soft=replace(said[0], outputs=outputs),
            value=measure(table.task, mean_outputs(table.task, self._valid[task]), table.valid),
            who="a model that was trained before" if count == 1 else f"{count} models that were trained before",
        )


@dataclass(kw_only=True)
class _Spent:
    """What the runs so far have taken."""

    steps: int = 0
    batches: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def add(self, outcome: Outcome) -> None:
        """Another one."""
        end = outcome.end
        self.steps += end.steps
        self.batches += end.batches
        self.wall_s += end.wall_s
        self.cpu_s += end.cpu_s

    def before(self, outcome: Outcome, *, ladder: Ladder) -> Outcome:
        """The next run's outcome, in a trial that began with those so far.

        Args:
            outcome: Of the next run, on its own ladder.
            ladder: Of the trial.
        """
        end = outcome.end
        early = len([share for share in ladder.rungs if share <= ladder.until]) - len(end.rungs)
        scores = [None] * early + [rung.score for rung in end.rungs]
        whole = replace(
            end,
            steps=end.steps + self.steps,
            batches=end.batches + self.batches,
            wall_s=end.wall_s + self.wall_s,
            cpu_s=end.cpu_s + self.cpu_s,
            rungs=[Rung(share=share, score=score) for share, score in zip(ladder.rungs, scores, strict=False)],
            stopped_at=None if end.stopped_at is None else ladder.until,
        )
        return Outcome(
            end=whole, tasks=tuple(later(task, steps=self.steps, batches=self.batches) for task in outcome.tasks)
        )

    def quiet(self, report: Report, *, budget: int) -> Report:
        """A report of a teacher: how far the trial is, and nothing of tasks, which are not yet learned by its model."""
        told = self.shifted(report, budget=budget)

        def tell(evaluation: Evaluation) -> None:
            told(replace(evaluation, tasks=(), points=(), score=None, events=(), cosines={}))

        return tell

    def shifted(self, report: Report, *, budget: int) -> Report:
        """A report that counts on from the runs so far."""
        steps, batches = self.steps, self.batches

        def tell(evaluation: Evaluation) -> None:
            report(
                replace(evaluation, step=evaluation.step + steps, batches=evaluation.batches + batches, budget=budget)
            )

        return tell

    def later_keep(self, keep: Keep) -> Keep:
        """Keeps a model with steps counted on from the runs so far."""
        steps = self.steps

        def tell(chosen: Chosen) -> None:
            keep(replace(chosen, step=chosen.step + steps))

        return tell

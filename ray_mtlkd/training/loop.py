"""The training loop: steps, evaluations, and whatever the curriculum then asks for."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.models.size import count_parameters
from ray_mtlkd.records import CurvePoint, Event, EventKind, Rung, TrialWarning
from ray_mtlkd.storage import split_uri
from ray_mtlkd.strategies.curricula.base import (
    Action,
    ConvergenceVerdict,
    CurriculumState,
    Relabel,
    Resume,
    Return,
    Rewind,
    Start,
    Stop,
)
from ray_mtlkd.strategies.curricula.transitions import start_waiting
from ray_mtlkd.training.distilling import Distilling, active
from ray_mtlkd.training.evaluation.evaluate import facts, score, skill_of
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.evaluation.outcome import end_of, last_resort, settle
from ray_mtlkd.training.evaluation.trackers import Trackers
from ray_mtlkd.training.evaluation.validation import validate
from ray_mtlkd.training.job import Chosen, Job, Keep, Ladder, Lesson, Outcome, RelabelFunction, Report
from ray_mtlkd.training.state.checkpoint import Checkpoints, DamagedCheckpointError
from ray_mtlkd.training.state.progress import Best, Evaluation, Progress, Snapshot, TeacherStep
from ray_mtlkd.training.state.snapshots import Snapshots
from ray_mtlkd.training.step.step_means import StepMeans
from ray_mtlkd.training.step.trainer import Trainer
from ray_mtlkd.training.tail import Tail
from ray_mtlkd.training.teachers import Teachers


class Loop:
    """One run of one model.

    Args:
        job: What to train.
        relabel: Computes a teacher's soft labels.
        report: Called after each evaluation.
        checkpoints: Where the run resumes from, if anything is there.
        checkpoint_every_s: Least time between two checkpoints; 0 writes one at each evaluation.
        checkpoint_at_end: Whether the finished run leaves a checkpoint, for a trial that goes on with other runs.
        ladder: How far the run goes.
        keep: Called at the end with the model that the run is measured at.
        lessons: What tasks are taught from the first step, by task.
    """

    def __init__(
        self,
        job: Job,
        *,
        relabel: RelabelFunction,
        report: Report,
        checkpoints: Checkpoints,
        checkpoint_every_s: float,
        checkpoint_at_end: bool,
        ladder: Ladder,
        keep: Keep | None = None,
        lessons: Mapping[int, Lesson] | None = None,
    ) -> None:
        self._job = job
        self._setup = job.tables
        self._tables = job.tables.tasks
        self._every = job.configuration.training.eval_every
        self._budget = job.budget
        self._start_by = job.configuration.training.start_by
        self._tail = Tail(settings=job.configuration.training, budget=self._budget)
        self._curriculum = job.configuration.strategy.curriculum
        self._report = report
        self._keep = keep
        self._checkpoints = checkpoints
        self._checkpoint_every_s = checkpoint_every_s
        self._checkpoint_at_end = checkpoint_at_end
        self._ladder = ladder
        self._clock = (time.perf_counter(), time.process_time())
        self._trainer = Trainer(job)
        self._snapshots = Snapshots(self._trainer.model)
        self._teachers = Teachers(job, self._snapshots)
        self._pace = job.configuration.kd.every
        self._distilling = Distilling(job, trainer=self._trainer, relabel=relabel, checkpoints=checkpoints)
        self._trackers = Trackers(job)
        self._meters = StepMeans()
        self._told = 0
        self._lessons = lessons or {}
        known = [replace(facts(table), taught=task in self._lessons) for task, table in enumerate(self._tables)]
        state, actions = self._curriculum.begin(known)
        self._progress = Progress(
            curriculum=state,
            peaks=[None for _ in self._tables],
            teachers=[None for _ in self._tables],
            curves=[[] for _ in self._tables],
        )
        for action in actions:
            self._execute(action)

    def run(self) -> Outcome:
        """Train to the end of the curriculum, of the budget or of what the ladder says, from the last checkpoint on.

        Raises:
            MtlkdError: where a loss or an output stops being finite, with task and step.
        """
        if not self._resume():
            self._teach()
        saved = time.monotonic()
        while not (self._progress.finished or self._has_spent(self._ladder.until)):
            try:
                self._evaluate(trained=self._train())
            except MtlkdError as error:
                where = f"{error.where}, step {self._progress.step}"
                raise MtlkdError(error.what, where=where, fix=error.fix) from error
            if time.monotonic() - saved >= self._checkpoint_every_s:
                self._save()
                saved = time.monotonic()
        if self._checkpoint_at_end or not self._progress.finished:
            self._save()
        return self._outcome()

    def _has_spent(self, share: float) -> bool:
        return self._progress.batches >= share * self._budget

    def _train(self) -> list[float]:
        """Steps up to the next evaluation; returns the epochs of each task's rows that went by [T]."""
        progress, before = self._progress, self._trainer.epochs
        while self._may_step(tasks := self._active()):
            progress.step += 1
            progress.batches += len(tasks)
            share, fall = progress.batches / self._budget, self._tail.fall(progress.batches, progress.converged_at)
            soft = self._distilling.targets(progress)
            self._meters.add(self._trainer.step(tasks, soft=soft, share=share, fall=fall), distilling=soft)
            if progress.step % self._every == 0:
                break
        return [now - then for now, then in zip(self._trainer.epochs, before, strict=True)]

    def _may_step(self, active: Sequence[int]) -> bool:
        progress = self._progress
        return bool(active) and progress.batches + len(active) <= self._tail.end(progress.converged_at)

    def _evaluate(self, *, trained: Sequence[float]) -> None:
        curriculum = self._progress.curriculum
        started = [task for task, phase in enumerate(curriculum.phases) if phase != "waiting"]
        found = validate(self._trainer.model, self._setup, started, closely=self._trackers.closely(self._progress))
        known = [found[task].value for task in started]
        reached = score(known, self._tables) if len(known) == len(self._tables) else None
        self._trackers.add(found, self._progress, epochs=trained)
        best = self._progress.best
        if reached is not None and (best is None or reached > best.score):
            self._progress.best = Best(score=reached, step=self._progress.step, values=tuple(known))
        if self._progress.step in self._needed():
            self._snapshots.keep(self._progress.step, self._capture())
        self._weigh()
        self._advance()
        self._note_rungs()
        self._snapshots.prune(self._needed())
        self._tell([found[task].value if task in found else None for task in range(len(self._tables))], reached)
        self._hear()

    def _needed(self) -> set[int]:
        judged = self._trackers.judged(self._progress)
        return self._snapshots.needed(self._progress, self._trackers.all, judged=judged)

    def _note_rungs(self) -> None:
        """Those that this evaluation passes; a run that is over passes all that are left."""
        progress = self._progress
        for share in self._ladder.rungs[len(progress.rungs) :]:
            if progress.finished or self._has_spent(share):
                reached = None if progress.best is None else progress.best.score
                progress.rungs.append(Rung(share=share, score=reached))

    def _advance(self) -> None:
        """Ask the curriculum what comes next, and do it if a step follows."""
        progress, before = self._progress, self._progress.curriculum
        verdicts = self._trackers.verdicts(progress)
        progress.curriculum, actions = self._next(before, verdicts)
        for task, (was, now) in enumerate(zip(before.converged, progress.curriculum.converged, strict=True)):
            tracker = self._trackers.all[task]
            if now and not was and tracker.best is not None:
                first = TeacherStep(value=tracker.best, step=tracker.best_step, noticed=progress.step)
                known = progress.teachers[task] or first
                progress.teachers[task] = replace(known, noticed=known.noticed or progress.step)
                self._event("converge", task, verdicts[task].reason)
        if not all(progress.curriculum.converged):
            progress.converged_at = None  # one that had converged may learn from its labels again
        elif progress.converged_at is None:
            progress.converged_at = progress.batches
        active = self._active()
        if not self._may_step(active):
            progress.curriculum = replace(progress.curriculum, phases=before.phases)
            self._event("finish", None, self._tail.reason(progress.converged_at) if active else "no task is left")
            progress.finished = True
            return
        for action in actions:
            self._execute(action, verdicts)
        cooling = self._tail.cooling(progress.batches, progress.converged_at)
        begun = self._tail.begin(progress.converged_at)
        if cooling is not None and not any(
            event.kind == "cooldown" and event.batches >= begun for event in progress.events
        ):
            self._event("cooldown", None, cooling)

    def _next(
        self, state: CurriculumState, verdicts: Sequence[ConvergenceVerdict]
    ) -> tuple[CurriculumState, tuple[Action, ...]]:
        """What the curriculum asks for, and a start of whatever it lets wait for too long."""
        state, actions = self._curriculum.advance(state, verdicts)
        if not self._has_spent(self._start_by):
            return state, actions
        state, starts = start_waiting(state)
        return state, (*actions, *starts)

    def _execute(self, action: Action, verdicts: Sequence[ConvergenceVerdict] = ()) -> None:
        match action:
            case Start(task):
                self._event("start", task, self._why_now())
            case Stop(task):
                self._event("stop", task, "converged")
            case Relabel(task, step):
                self._relabel(task, step, verdicts[task])
            case Return(task):
                self._trackers.restart(task)
                self._distilling.leave(task, self._progress)
                self._event("return", task, f"back to its labels: {verdicts[task].reason}")
            case Resume(task):
                self._rejoin(task, "its teacher is still the better one")
            case Rewind(step):
                self._rewind(step)

    def _why_now(self) -> str:
        """Why a task starts."""
        if self._progress.step == 0:
            return "from the first step"
        late = self._has_spent(self._start_by)
        return f"{self._start_by:.0%} of the budget is spent" if late else "the task before it has converged"

    def _relabel(self, task: int, step: int, verdict: ConvergenceVerdict) -> None:
        teacher = self._teachers.of(task, self._trackers.all[task])
        again = f"{verdict.reason}: " if task in self._progress.relabelled else ""
        if not self._trackers.betters(task, teacher.validated):
            self._rejoin(task, f"{again}{teacher.what}, is not better than its teacher")
            return
        # rewinds come after relabels: the student that is weighed has moved on from its teacher
        weighed = self._distilling.switch(task, teacher, self._progress, spare=self._spare())
        self._trackers.restart(task, mark=teacher.validated)
        self._event("relabel", task, f"{again}by {teacher.what}, {weighed}", model_step=step)

    def _rejoin(self, task: int, reason: str) -> None:
        weighed = self._distilling.rejoin(task, self._progress, spare=self._spare())
        self._trackers.restart(task)
        self._event("resume", task, f"{reason}{weighed}")

    def _weigh(self) -> None:
        """Measure weights that could not be measured at the switch, where a step follows."""
        for task in self._distilling.unweighed(self._progress):
            if self._spare() >= 0:
                self._event("weigh", task, self._distilling.weigh(task, self._progress, spare=self._spare()))

    def _spare(self) -> int:
        """Task batches that are left beside those of a last step."""
        return self._tail.end(self._progress.converged_at) - self._progress.batches - len(self._tables)

    def _rewind(self, step: int) -> None:
        self._trackers.rewind(self._trainer.restore(self._snapshots.kept[step]), self._progress)
        self._event("rewind", None, f"back to the model of step {step}", model_step=step)

    def _tell(self, values: Sequence[float | None], reached: float | None) -> None:
        progress, agreement = self._progress, self._meters.agreement(len(self._tables))
        progress.agreement = progress.agreement.plus(agreement)
        for task, value in enumerate(values):
            point = CurvePoint(
                step=progress.step,
                batches=progress.batches,
                valid=value,
                loss=self._meters.loss(task),
                weight=self._meters.weight(task),
                phase=progress.curriculum.phases[task],
                kd_weight=self._distilling.weight(task, progress),
                conflict=agreement.conflict(task),
            )
            progress.curves[task].append(point)
        self._report(
            Evaluation(
                step=progress.step,
                batches=progress.batches,
                budget=self._budget,
                tasks=tuple(table.task.name for table in self._tables),
                points=tuple(curve[-1] for curve in progress.curves),
                score=reached,
                events=tuple(progress.events[self._told :]),
                agreement=agreement,
                penalties=self._trainer.penalties(),
            )
        )
        self._told = len(progress.events)
        self._meters = StepMeans()

    def _outcome(self) -> Outcome:
        best = self._progress.best
        if best is None:
            best = last_resort(self._progress, model=self._trainer.model, tables=self._setup)
            self._snapshots.keep(best.step, Snapshot(tensors=self._trainer.parameters(into={})))
        tasks = settle(self._progress, best=best, snapshots=self._snapshots, job=self._job)
        if self._keep is not None and self._progress.finished:
            self._keep(Chosen(job=self._job, model=self._snapshots.model(best.step), step=best.step, score=best.score))
        self._count_time()
        size, until = count_parameters(self._trainer.model), None if self._progress.finished else self._ladder.until
        end = end_of(self._progress, best=best, size=size, stopped_at=until)
        return Outcome(end=end, tasks=tasks)

    def _capture(self) -> Snapshot:
        if self._curriculum.rewinds:
            return self._trainer.capture(self._trackers.all, into=self._snapshots.spare())
        return Snapshot(tensors=self._trainer.parameters(into=self._snapshots.spare()))

    def _active(self) -> list[int]:
        """Those that take a batch in the next step."""
        return active(self._progress.curriculum.phases, step=self._progress.step + 1, every=self._pace)

    def _save(self) -> None:
        self._count_time()
        live = self._trainer.capture(self._trackers.all, into={})
        self._checkpoints.save(live=live, snapshots=self._snapshots.kept, progress=self._progress)

    def _teach(self) -> None:
        """Give the tasks that distil from the first step what they learn."""
        for task, phase in enumerate(self._progress.curriculum.phases):
            if phase == "distilling":
                lesson = self._lessons[task]
                self._event("relabel", task, self._distilling.begin(task, lesson, self._progress))
                mark = None if lesson.value is None else Validated(value=lesson.value)
                self._trackers.restart(task, mark=mark)

    def _resume(self) -> bool:
        """Whether there was a checkpoint to go on from."""
        try:
            restored = self._checkpoints.load()
        except DamagedCheckpointError as error:
            self._checkpoints.clear()  # the run is reproducible: from the first step it ends the same
            file = split_uri(error.where)[1]
            text = f"began again from the first step, since {file} of its checkpoint is {error.what}"
            self._progress.warnings.append(TrialWarning(kind="restarted", task=None, text=text))
            return False
        if restored is None:
            return False
        self._progress = restored.progress
        self._told = len(restored.progress.events)
        self._trackers.all = list(self._trainer.restore(restored.live))
        for step, snapshot in restored.snapshots.items():
            self._snapshots.keep(step, snapshot)
        self._distilling.resume(restored.soft, restored.progress)
        self._hear()
        return True

    def _hear(self) -> None:
        """Tell the balancer what each task's last evaluation found."""
        last = [curve[-1].valid if curve else None for curve in self._progress.curves]
        known = zip(last, self._tables, strict=True)
        self._trainer.hear([None if value is None else skill_of(value, table) for value, table in known])

    def _event(self, kind: EventKind, task: int | None, reason: str, *, model_step: int | None = None) -> None:
        progress = self._progress
        progress.events.append(
            Event(
                step=progress.step,
                batches=progress.batches,
                kind=kind,
                task=None if task is None else self._tables[task].task.name,
                reason=reason,
                model_step=model_step,
            )
        )

    def _count_time(self) -> None:
        now = (time.perf_counter(), time.process_time())
        self._progress.wall_s += now[0] - self._clock[0]
        self._progress.cpu_s += now[1] - self._clock[1]
        self._clock = now

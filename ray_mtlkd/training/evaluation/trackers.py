"""The histories of a run's tasks, and what follows from them."""

from collections.abc import Mapping, Sequence

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict
from ray_mtlkd.tasks.metrics import metric_of
from ray_mtlkd.training.evaluation.convergence import Tracker, judge, track
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.evaluation.standing import beside
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.state.progress import Peak, Progress


class Trackers:
    """A tracker a task.

    Args:
        job: What is trained, and what counts as a gain.

    Attributes:
        all: [T].
    """

    def __init__(self, job: Job) -> None:
        self._signs = [metric_of(table.task).sign for table in job.tables.tasks]
        self._rule = job.configuration.convergence
        self._watches = job.configuration.strategy.curriculum.watches
        self._leaders = job.leaders
        self.all = [Tracker() for _ in self._signs]

    def judged(self, progress: Progress) -> list[int]:
        """Tasks whose verdicts the curriculum may still heed."""
        return [task for task, done in enumerate(progress.curriculum.converged) if self._watches or not done]

    def closely(self, progress: Progress) -> list[int]:
        """Tasks whose metrics are compared with their own noise."""
        return self.judged(progress) if self._rule.noise > 0 else []

    def add(self, found: Mapping[int, Validated], progress: Progress, *, epochs: Sequence[float]) -> None:
        """Bring trackers and peaks up to date after an evaluation.

        Args:
            found: What tasks reach.
            progress: Learns of peaks.
            epochs: Of each task's rows, since the last evaluation [T].
        """
        judged = self.judged(progress)
        for task, measured in found.items():
            sign = self._signs[task]
            if task in judged:
                self.all[task] = track(
                    self.all[task],
                    measured=measured,
                    step=progress.step,
                    epochs=epochs[task],
                    sign=sign,
                    rule=self._rule,
                    leaders=self._leaders,
                )
            peak = progress.peaks[task]
            if peak is None or sign * (measured.value - peak.value) > 0:
                progress.peaks[task] = Peak(value=measured.value, step=progress.step)

    def verdicts(self, progress: Progress) -> list[ConvergenceVerdict]:
        """On each task [T]."""
        verdicts = [judge(tracker, self._rule) for tracker in self.all]
        for task, tracker in enumerate(self.all):
            reference = _reference(progress, task, tracker)
            if reference is not None:
                sign = self._signs[task]
                verdicts[task] = beside(verdicts[task], tracker, reference=reference, sign=sign, rule=self._rule)
        return verdicts

    def betters(self, task: int, teacher: Validated) -> bool:
        """Whether a teacher reaches more than the one that the task has, if it has one."""
        mark = self.all[task].mark
        return mark is None or self._signs[task] * (teacher.value - mark.value) > 0

    def restart(self, task: int, *, mark: Validated | None = None) -> None:
        """Judge a task anew, beside what a new teacher reaches, or else the one that it has, if any."""
        self.all[task] = Tracker(mark=mark or self.all[task].mark)

    def rewind(self, then: Sequence[Tracker], progress: Progress) -> None:
        """Go back to earlier trackers, but for tasks that have converged."""
        done = progress.curriculum.converged
        self.all = [now if is_done else was for now, was, is_done in zip(self.all, then, done, strict=True)]


def _reference(progress: Progress, task: int, tracker: Tracker) -> float | None:
    """What a task that has a teacher, or has converged, is compared with.

    Its teacher's metric, or else the smoothed one at its last gain: beside its best single evaluation, which is its
    luckiest, any task has fallen.
    """
    teacher = progress.teachers[task]
    if teacher is None:
        return None
    if task in progress.relabelled:
        return teacher.value
    return None if tracker.anchor is None else tracker.anchor.value

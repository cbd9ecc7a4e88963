"""The model that teaches a converged task: that of its best evaluation, or one that is steadier than any single one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.training.evaluation.convergence import BestEvaluation, Tracker
from ray_mtlkd.training.evaluation.noise import Validated
from ray_mtlkd.training.evaluation.validation import validate
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import TeacherSort
from ray_mtlkd.training.state.snapshots import Snapshots


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """Who labels a task's train table.

    Attributes:
        model: In evaluation mode; not to be changed, and not to be kept.
        validated: What it reaches on the task's validation table.
        step: The evaluation that it stands for.
        what: In words.
    """

    model: MultitaskModel
    step: int
    validated: Validated
    what: str


Found = tuple[MultitaskModel, str, Validated | None]
"""A model, what it is, and what an evaluation has found of it."""


def _peak(snapshots: Snapshots, leaders: Sequence[BestEvaluation]) -> Found:
    best = leaders[0]
    return snapshots.model(best.step), f"the model of step {best.step}", best.validated


def _average(snapshots: Snapshots, leaders: Sequence[BestEvaluation]) -> Found:
    steps = [leader.step for leader in leaders]
    return snapshots.mean(steps), f"the mean of the models of steps {', '.join(map(str, steps))}", None


def _ema(snapshots: Snapshots, leaders: Sequence[BestEvaluation]) -> Found:
    step = leaders[0].step
    return snapshots.averaged(step), f"the moving average at step {step}", None


_SORTS: Mapping[TeacherSort, Callable[[Snapshots, Sequence[BestEvaluation]], Found]] = {
    "peak": _peak,
    "average": _average,
    "ema": _ema,
}


class Teachers:
    """Makes the teachers of a run's tasks.

    Args:
        job: What is trained, and which sort of teacher is asked for.
        snapshots: Of the run.
    """

    def __init__(self, job: Job, snapshots: Snapshots) -> None:
        self._tables = job.tables
        self._make = _SORTS[job.configuration.kd.teacher]
        self._noise = job.configuration.convergence.noise
        self._snapshots = snapshots

    def of(self, task: int, tracker: Tracker) -> Teacher:
        """The teacher of a task that was evaluated, measured on validation unless an evaluation has done that.

        The next call may change its model.
        """
        model, what, validated = self._make(self._snapshots, tracker.leaders)
        if validated is None:
            closely = [task] if self._noise > 0 else []
            validated = validate(model, self._tables, [task], closely=closely)[task]
            what = f"{what}, which reaches {validated.value:.4f}"
        return Teacher(model=model, step=tracker.best_step, validated=validated, what=what)

"""What a trial's curves and its end are called, wherever they are shown."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ray_mtlkd.records import CurvePoint, TaskResult, TrialEnd

SCORE = "when_done/score"
"""Final metrics are points: their group's name puts them behind the curves, which TensorBoard sorts by name."""
PHASES: Mapping[str, int] = {"waiting": 0, "labels": 1, "distilling": 2, "stopped": 3}


def task_scalars(task: str, point: CurvePoint) -> dict[str, float | None]:
    """One task at one evaluation."""
    return {
        f"train_loss/{task}": point.loss,
        f"valid/{task}": point.valid,
        f"weight/{task}": point.weight,
        f"phase/{task}": PHASES[point.phase],
        f"kd_weight/{task}": point.kd_weight,
        f"conflict/{task}": point.conflict,
    }


def final_scalars(end: TrialEnd, tasks: Sequence[str], results: Sequence[TaskResult]) -> dict[str, float | None]:
    """What became of a trial."""
    found: dict[str, float | None] = {SCORE: end.score}
    for task, result in zip(tasks, results, strict=True):
        found |= {metric_tag("valid", task): result.valid, metric_tag("test", task): result.test}
    return found


def metric_tag(split: Literal["valid", "test"], task: str) -> str:
    """What a task's final metric is called."""
    return f"when_done/{split}/{task}"

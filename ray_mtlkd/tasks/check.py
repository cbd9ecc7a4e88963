"""Whether a task that stands in a file is one that a model can have."""

import math
from collections.abc import Iterator

from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.metrics import check_metric
from ray_mtlkd.tasks.task import Task


def check_sound(task: Task, *, where: str) -> None:
    """Make sure that a task is one that a model can have: of those that were written to a file, by whomever.

    Raises:
        MtlkdError: the only problem; ExceptionGroup of them, where there are several.
    """
    fix = "copy the file again"
    found = [MtlkdError(what, where=f"{where}: task {task.name}", fix=fix) for what in _impossible(task)]
    raise_all(where, found)


def _impossible(task: Task) -> Iterator[str]:
    kind = kind_of(task)
    problem = check_metric(task.metric, task.kind, where="")
    if problem is not None:
        yield problem.what
    if task.loss and task.loss not in kind.losses:
        yield f"no loss {task.loss!r} of {task.kind}"
    if len(set(task.classes)) != len(task.classes) or (not task.classes and task.outputs != 1):
        yield f"its classes are {', '.join(task.classes) or 'none'}"
    if task.prior and not (len(task.prior) == task.outputs and all(0 < share < 1 for share in task.prior)):
        yield "its prior is not a share of each class"
    if not (task.scale > 0 and task.constant_loss > 0 and task.weight >= 0):
        yield "its scale, constant loss or weight is out of range"
    if not all(math.isfinite(each) for each in (task.scale, task.center, task.constant_loss, task.weight)):
        yield "one of its numbers is not finite"

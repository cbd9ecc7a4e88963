"""Classical models: what scikit-learn's models reach on a setup's tasks, each task by itself, without a network."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ray_mtlkd.classical.cache import VERSION, find, keep
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import Later
from ray_mtlkd.records import ClassicalRecord
from ray_mtlkd.setups.content import content_hash
from ray_mtlkd.setups.trivial import trivial_metric
from ray_mtlkd.setups.validated import ValidatedSetup, ValidatedTask
from ray_mtlkd.tasks.metrics import metric_of

if TYPE_CHECKING:
    from ray_mtlkd.classical.measure import Measured

__all__ = ["ClassicalResults", "compute", "known", "remember"]

# It imports scikit-learn's models, which a sweep that does not compute models itself never needs.
_measure = Later("ray_mtlkd.classical.measure")

Say = Callable[[str], None]
Tell = Callable[[str, int, int], None]
"""Is told of a task and its model, and how many of the model's parts of how many are fitted."""


@dataclass(frozen=True, kw_only=True)
class ClassicalResults:
    """What a setup's classical models reach.

    Attributes:
        records: One a task, in the setup's order.
        problems: Why a task has none.
    """

    records: tuple[ClassicalRecord, ...]
    problems: tuple[MtlkdError, ...] = ()


def known(validated: ValidatedSetup, *, say: Say) -> ClassicalResults | None:
    """The setup's models from the cache; None where they are not there.

    Args:
        validated: The setup.
        say: Told of a damaged file, which counts as none.
    """
    records = find(content_hash(validated), tasks=[task.task.name for task in validated.tasks], say=say)
    return None if records is None else ClassicalResults(records=records)


def compute(validated: ValidatedSetup, *, say: Say, tell: Tell = lambda *_: None) -> ClassicalResults:
    """The setup's models, computed now; a task that cannot have one does not stop the others.

    Args:
        validated: The setup.
        say: Told before each task, and what became of it.
        tell: Told of progress within a task.
    """
    content = content_hash(validated)
    records, problems = [], []
    for at, task in enumerate(validated.tasks, start=1):
        where = f"{task.task.name} ({at} of {len(validated.tasks)})"
        say(f"classical model of {where} …")
        started = time.monotonic()
        try:
            found = _measure.measure(task, _named(where, tell))
            records.append(_record(task, found, setup=validated.manifest.name, content=content))
        # what a library refuses about somebody's tables is not known beforehand, and the other tasks have models
        except (MtlkdError, ValueError, ArithmeticError, MemoryError) as error:
            problems.append(_problem(task, error))
            say(f"{where} has none: {problems[-1]}")
        else:
            say(f"{where}: {records[-1].model}, {time.monotonic() - started:.1f} s")
    return ClassicalResults(records=tuple(records), problems=tuple(problems))


def remember(found: ClassicalResults, *, say: Say) -> None:
    """Put models into the cache, where there is one and every task has its own.

    Args:
        found: Of one setup.
        say: Told where the cache cannot be written.
    """
    if found.records and not found.problems:
        keep(found.records, say=say)


def _named(task: str, tell: Tell) -> Tell:
    return lambda model, done, total: tell(f"{task}: {model}", done, total)


def _record(task: ValidatedTask, found: "Measured", *, setup: str, content: str) -> ClassicalRecord:
    metric = metric_of(task.task)
    return ClassicalRecord(
        setup=setup,
        content=content,
        version=VERSION,
        task=task.task.name,
        kind=task.task.kind,
        metric=metric.name,
        sign=metric.sign,
        model=found.model,
        valid=found.valid,
        test=found.test,
        trivial_valid=trivial_metric(task, "valid"),
        trivial_test=trivial_metric(task, "test"),
        cpu_s=found.cpu_s,
    )


def _problem(task: ValidatedTask, error: Exception) -> MtlkdError:
    if isinstance(error, MtlkdError):
        return error
    what = f"{type(error).__name__}: {first_line(error)}"
    return MtlkdError(what, where=f"tasks.{task.task.name}", fix="look at its tables, or go without a model")

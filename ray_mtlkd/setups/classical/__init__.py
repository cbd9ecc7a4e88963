"""Classical baselines: what scikit-learn's models reach on a setup's tasks, each task by itself, without a network."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import Later
from ray_mtlkd.records import BaselineRecord
from ray_mtlkd.setups.baseline import trivial_metric
from ray_mtlkd.setups.cache import content_hash
from ray_mtlkd.setups.classical.kept import VERSION, find, keep
from ray_mtlkd.setups.raw import RawSetup, RawTask
from ray_mtlkd.tasks.metrics import METRICS

__all__ = ["Baselines", "compute", "known", "remember"]

# It imports scikit-learn's models, which a sweep that does not compute baselines itself never needs.
_measure = Later("ray_mtlkd.setups.classical.measure")

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What a setup's classical models reach.

    Attributes:
        records: One a task, in the setup's order.
        problems: Why a task has none.
    """

    records: tuple[BaselineRecord, ...]
    problems: tuple[MtlkdError, ...] = ()


def known(raw: RawSetup, *, say: Say) -> Baselines | None:
    """The setup's baselines from the cache; None where they are not there.

    Args:
        raw: The setup.
        say: Told of a damaged file, which counts as none.
    """
    records = find(content_hash(raw), tasks=[task.task.name for task in raw.tasks], say=say)
    return None if records is None else Baselines(records=records)


def compute(raw: RawSetup, *, say: Say) -> Baselines:
    """The setup's baselines, computed now; a task that cannot have one does not stop the others.

    Args:
        raw: The setup.
        say: Told before each task, and what became of it.
    """
    content = content_hash(raw)
    records, problems = [], []
    for at, task in enumerate(raw.tasks, start=1):
        where = f"{task.task.name} ({at} of {len(raw.tasks)})"
        say(f"classical baseline of {where} …")
        started = time.monotonic()
        try:
            records.append(_record(task, setup=raw.manifest.name, content=content))
        # what a library refuses about somebody's tables is not known beforehand, and the other tasks have baselines
        except (MtlkdError, ValueError, ArithmeticError, MemoryError) as error:
            problems.append(_problem(task, error))
            say(f"{where} has none: {problems[-1]}")
        else:
            say(f"{where}: {records[-1].model}, {time.monotonic() - started:.1f} s")
    return Baselines(records=tuple(records), problems=tuple(problems))


def remember(found: Baselines, *, say: Say) -> None:
    """Put baselines into the cache, where there is one and every task has its own.

    Args:
        found: Of one setup.
        say: Told where the cache cannot be written.
    """
    if found.records and not found.problems:
        keep(found.records, say=say)


def _record(task: RawTask, *, setup: str, content: str) -> BaselineRecord:
    found = _measure.measure(task)
    metric = METRICS[task.task.metric]
    return BaselineRecord(
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


def _problem(task: RawTask, error: Exception) -> MtlkdError:
    if isinstance(error, MtlkdError):
        return error
    what = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}"
    return MtlkdError(what, where=f"tasks.{task.task.name}", fix="look at its tables, or go without a baseline")

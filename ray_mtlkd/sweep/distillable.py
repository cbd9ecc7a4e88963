"""How many rows each task of a sweep could distil from, as far as that can be told before anything trains."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.sweep.prepare import Prepared
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.training.settings import DistilledRows
from ray_mtlkd.training.transfer import transfer_set


@dataclass(frozen=True, kw_only=True)
class Distillable:
    """What one task could distil from.

    Attributes:
        encoder: Whose features its inputs are.
        own: Rows of its train table, those ``unlabelled`` that it has beside them, and those of ``others``.
        left_out: Tasks whose rows it cannot read.
        where_sure: Whether some configuration takes those of others only where the teacher is sure, which it alone will
            tell, and the task's kind knows how sure one is.
    """

    setup: str
    encoder: str
    task: str
    own: int
    unlabelled: int
    others: int
    left_out: tuple[str, ...]
    where_sure: bool


def distillable(prepared: Prepared) -> Iterator[Distillable]:
    """Of every setup and encoder under which a strategy distils from more than a task's own rows."""
    asked: dict[tuple[str, str], dict[DistilledRows, Trial]] = {}
    for trial in prepared.plan.distinct():
        configuration = trial.configuration
        if configuration.strategy.curriculum.role == "kd" and configuration.kd.rows != "own":
            key = trial.setup, configuration.architecture.encoder.name
            asked.setdefault(key, {})[configuration.kd.rows] = trial
    for (name, encoder), trials in asked.items():
        setup, most = as_tensors(prepared.of(next(iter(trials.values())))), _most(trials)
        for task, table in enumerate(setup.tasks):
            found = transfer_set(setup, task, most)
            own, *more = (rows.rows for rows in found.tables)
            unlabelled = 0 if table.unlabelled is None else len(table.unlabelled)
            yield Distillable(
                setup=name,
                encoder=encoder,
                task=table.task.name,
                own=own,
                unlabelled=unlabelled,
                others=sum(more) - unlabelled,
                left_out=found.left_out,
                where_sure="confident" in trials and kind_of(table.task).confidence is not None,
            )


def _most(asked: Collection[DistilledRows]) -> DistilledRows:
    """The widest of what several configurations ask."""
    return "unlabelled" if set(asked) == {"unlabelled"} else "all"

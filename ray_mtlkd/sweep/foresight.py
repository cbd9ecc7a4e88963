"""What a budget will not do, as far as that can be told before anything trains."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.strategies.curricula import Curriculum
from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.training.evaluation.evaluate import facts
from ray_mtlkd.training.step.feed import batch_sizes

_LEAST_EPOCHS = 10
_LATE = 0.25
"""Share of the budget: where the last task starts later at the very least, it will hardly train."""


def budget_warnings(trials: Iterable[tuple[Trial, SetupTables[Any]]]) -> tuple[str, ...]:
    """What a reader should know of the budgets of some trials, each with its tables; each thing once for a setup."""
    found: dict[tuple[str, ...], str] = {}
    for trial, tables in trials:
        for key, text in (*_rows(trial, tables), *_late_start(trial, tables)):
            found.setdefault((trial.setup, *key), f"{trial.setup}: {text}")
    return tuple(found.values())


def _rows(trial: Trial, tables: SetupTables[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Tasks whose table is hardly seen: in a patience, or in the whole budget."""
    training, patience = trial.configuration.training, trial.configuration.convergence.patience
    sizes = dict(zip((table.task.name for table in tables.tasks), batch_sizes(training, tables), strict=True))
    rows = {table.task.name: len(table.train) for table in tables.tasks}
    waited = {task: patience * training.eval_every * size for task, size in sizes.items()}
    hasty = [task for task in rows if waited[task] < rows[task]]
    if hasty:
        worst = max(hasty, key=lambda task: rows[task] / waited[task])
        others = f" (and {len(hasty) - 1} other tasks)" if len(hasty) > 1 else ""
        said = (
            f"convergence.patience: {patience} evaluations without improvement are {waited[worst]:,} rows, and"
            f" {worst}{others} has {rows[worst]:,}: it may count as converged before it has seen them all once"
        )
        yield ("convergence.patience",), said
    largest = max(rows, key=lambda task: rows[task])
    epochs = training.steps * sizes[largest] / rows[largest]
    if epochs < _LEAST_EPOCHS:
        said = (
            f"training.steps: the largest table, {largest}, is seen {epochs:.1f} times in the whole budget; below"
            f" {_LEAST_EPOCHS} strategies may differ by how fast they are alone"
        )
        yield ("training.steps",), said


def _late_start(trial: Trial, tables: SetupTables[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """A curriculum under which the last task may have no time left."""
    training, patience = trial.configuration.training, trial.configuration.convergence.patience
    stages = _stages(trial.configuration.strategy.curriculum, [facts(table) for table in tables.tasks])
    share = sum(stages) * (patience + 1) * training.eval_every / (training.steps * len(tables.tasks))
    if share >= _LATE:
        said = (
            f"convergence.patience: under {trial.strategy} the last task starts when {share:.0%} of the budget are"
            " spent, or later: each one before it trains until its patience is over; more steps or less patience help"
        )
        yield ("convergence.patience", trial.strategy), said


def _stages(curriculum: Curriculum, tasks: Sequence[TaskFacts]) -> list[int]:
    """How many tasks train in each stage before the last one has started."""
    state, _ = curriculum.begin(tasks)
    stages: list[int] = []
    while "waiting" in state.phases and len(stages) < len(tasks):
        stages.append(sum(phase in {"labels", "distilling"} for phase in state.phases))
        verdicts = [ConvergenceVerdict(converged=phase == "labels", best_step=0, reason="") for phase in state.phases]
        state, _ = curriculum.advance(state, verdicts)
    return stages

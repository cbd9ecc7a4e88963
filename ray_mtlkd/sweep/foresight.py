"""What a budget will not do, as far as that can be told before anything trains."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.regularizers import ProximalRegularizer
from ray_mtlkd.models.sharing import MultitaskModel
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.strategies.curricula import Curriculum
from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, TaskFacts
from ray_mtlkd.sweep.plan import Trial
from ray_mtlkd.training.evaluation.evaluate import facts
from ray_mtlkd.training.step.feed import batch_sizes
from ray_mtlkd.training.step.weighing import gradients_for, matrix_bytes

_LEAST_EPOCHS = 10
_LATE = 0.5
"""Share of the budget: where the last task starts later at the very least, it will hardly train."""


def budget_warnings(trials: Iterable[tuple[Trial, SetupTables[Any]]]) -> tuple[str, ...]:
    """What a reader should know of the budgets of some trials, each with its tables; each thing once for a setup."""
    found: dict[tuple[str, ...], str] = {}
    for trial, tables in trials:
        for key, text in (
            *_rows(trial, tables),
            *_endless(trial, tables),
            *_late_start(trial, tables),
            *_cut_short(trial),
        ):
            found.setdefault((trial.setup, *key), f"{trial.setup}: {text}")
    return tuple(found.values())


@dataclass(frozen=True, kw_only=True)
class GradientSizes:
    """Bytes of all tasks' gradients of a model's shared parameters: of all of these, and of the last layer alone."""

    whole: int
    last: int

    @classmethod
    def of(cls, model: MultitaskModel) -> "GradientSizes":
        """A model's."""
        return cls(whole=matrix_bytes(model, only_last=False), last=matrix_bytes(model, only_last=True))


def gradient_warnings(
    trials: Iterable[tuple[Trial, SetupTables[Any]]],
    sizes: Mapping[tuple[str, Architecture], GradientSizes],
    *,
    most_gb: float,
) -> tuple[str, ...]:
    """Which steps take longer since the gradients of all tasks would take too much memory, each setup's largest.

    Args:
        trials: Each with its tables.
        sizes: By setup and architecture, of the models that were built.
        most_gb: What gradients may take.
    """
    largest: dict[str, int] = {}
    for trial, tables in trials:
        asked = gradients_for(trial.configuration, shares_rows=tables.shares_rows)
        known = sizes.get((trial.setup, trial.configuration.architecture))
        size = 0 if asked is None or known is None else known.last if asked.only_last else known.whole
        largest[trial.setup] = max(size, largest.get(trial.setup, 0))
    return tuple(
        f"{setup}: resources.gradient_gb: the tasks' gradients take up to {size / 2**30:.2g} GB, more than {most_gb:g}:"
        " they are taken some parameters at a time, and these steps take longer"
        for setup, size in largest.items()
        if size > most_gb * 2**30
    )


def unused_tables(trials: Iterable[Trial], validated: Mapping[str, ValidatedSetup]) -> Iterator[str]:
    """Tables without labels that no strategy of some trials distils from."""
    settings = [(trial.setup, trial.configuration) for trial in trials]
    used = {name for name, each in settings if each.strategy.curriculum.role == "kd" and each.kd.rows != "own"}
    for name, setup in validated.items():
        for task in setup.tasks if name not in used else ():
            if task.unlabelled is not None:
                place = f"{name}: tasks.{task.task.name}.unlabelled"
                yield f"{place}: no strategy distils from these rows; with kd.rows unlabelled, all or confident it does"


def idle_regularizers(trial: Trial, model: MultitaskModel) -> Iterator[str]:
    """Those of a trial's model that have nothing to be about.

    Args:
        trial: Whose.
        model: Its outline.
    """
    for regularizer in trial.configuration.architecture.regularizers:
        if not isinstance(regularizer, ProximalRegularizer) and regularizer.penalty(model) is None:
            yield (
                f"{trial.setup}: regularizers: {regularizer.name} does nothing, since too few tasks have heads of one"
                " shape (numbers and yes or no, or as many classes, of the same inputs)"
            )


def shared_encoders(setups: Iterable[SetupTables[Any]]) -> Iterator[str]:
    """Who shares which encoder and which join, in setups whose tasks read inputs of different sorts; each said once."""
    yield from dict.fromkeys(_shared(tables) for tables in setups if len({of.layout.sorts for of in tables.tasks}) > 1)


def _shared(tables: SetupTables[Any]) -> str:
    readers: dict[str, list[str]] = {}
    for table in tables.tasks:
        for part, _ in table.layout.parts:
            readers.setdefault(f"the {part} encoder", []).append(table.task.name)
        if len(table.layout.sorts) > 1:
            readers.setdefault(f"what joins {' and '.join(table.layout.sorts)}", []).append(table.task.name)
    several = [f"{what} is shared by {', '.join(names)}" for what, names in readers.items() if len(names) > 1]
    alone = [f"{what} is used by {names[0]} alone" for what, names in readers.items() if len(names) == 1]
    return f"{tables.name}: {'; '.join([*several, *alone])}"


def _rows(trial: Trial, tables: SetupTables[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Tasks whose table is hardly seen: without gain, or in the whole budget."""
    rule, training, rows = trial.configuration.convergence, trial.configuration.training, _rows_of(tables)
    sizes = batch_sizes(training, tables)
    names = [table.task.name for table in tables.tasks]
    waited = [rule.patience * training.eval_every * size for size in sizes]
    hasty = [task for task, name in enumerate(names) if waited[task] < rows[task] and rule.patience_epochs < 1]
    if hasty:
        worst = max(hasty, key=lambda task: rows[task] / waited[task])
        others = f" (and {len(hasty) - 1} other tasks)" if len(hasty) > 1 else ""
        said = (
            f"convergence.patience_epochs: {rule.patience} evaluations without gain are {waited[worst]:,} rows, and"
            f" {names[worst]}{others} has {rows[worst]:,}: below 1 epoch, it may count as converged before it has seen"
            " them all once"
        )
        yield ("convergence.patience_epochs",), said
    largest = max(range(len(rows)), key=lambda task: rows[task])
    epochs = training.steps * sizes[largest] / rows[largest]
    if epochs < _LEAST_EPOCHS:
        said = (
            f"training.steps: the largest table, {names[largest]}, is seen {epochs:.1f} times in the whole budget;"
            f" below {_LEAST_EPOCHS} strategies may differ by how fast they are alone"
        )
        yield ("training.steps",), said


def _endless(trial: Trial, tables: SetupTables[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Tasks that the budget ends before they could count as converged, where a curriculum acts on that."""
    steps, least = trial.configuration.training.steps, _least_steps(trial, tables)
    late = [table.task.name for table, needed in zip(tables.tasks, least, strict=True) if needed > steps]
    if late and trial.configuration.strategy.curriculum.role in {"kd", "control"}:
        said = (
            f"convergence: {', '.join(late)} cannot count as converged within {steps:,} steps, so that"
            f" {trial.strategy} will not act on it; with {math.ceil(max(least)):,} all tasks may"
        )
        yield ("convergence",), said


def _late_start(trial: Trial, tables: SetupTables[Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """A curriculum under which the last task may have no time left."""
    training, least = trial.configuration.training, _least_steps(trial, tables)
    stages = _stages(trial.configuration.strategy.curriculum, [facts(table) for table in tables.tasks])
    spent = sum(
        len(training_now) * min((least[task] for task in judged), default=0.0) for training_now, judged in stages
    )
    share = min(spent / (training.steps * len(tables.tasks)), training.start_by)
    if share >= _LATE:
        said = (
            f"convergence: under {trial.strategy} the last task starts when {share:.0%} of the budget are spent"
            f"{_or_later(share, training.start_by)}: those before it have to converge first; more steps, fewer"
            " epochs or less patience help"
        )
        yield ("convergence", trial.strategy), said


def _or_later(share: float, latest: float) -> str:
    if share == latest:
        return " (training.start_by)"
    return f" or later, {latest:.0%} at the latest (training.start_by)"


def _cut_short(trial: Trial) -> Iterator[tuple[tuple[str, ...], str]]:
    """What lasts as long as the budget, in runs that may end before it."""
    training = trial.configuration.training
    distils = trial.configuration.strategy.curriculum.role == "kd"
    whole = {
        "training.schedule: cosine": training.schedule == "cosine",
        "kd.label_weight: anneal": distils and trial.configuration.kd.label_weight == "anneal",
    }
    for setting, is_set in whole.items():
        if is_set and training.finish == "converged":
            yield (
                (setting,),
                f"{setting} takes the whole budget, and runs may end before; set training.finish to budget",
            )


def _rows_of(tables: SetupTables[Any]) -> list[int]:
    """Rows that each task's batches are drawn from [T]; at least so many where all label the rows of one table."""
    rows = [len(table.train) for table in tables.tasks]
    return [max(rows)] * len(rows) if tables.shares_rows else rows


def _least_steps(trial: Trial, tables: SetupTables[Any]) -> list[float]:
    """Steps that each task trains before it can count as converged [T]."""
    rule, training = trial.configuration.convergence, trial.configuration.training
    epochs = [rows / size for rows, size in zip(_rows_of(tables), batch_sizes(training, tables), strict=True)]
    first, patience = training.eval_every, rule.patience * training.eval_every
    return [max(first + max(patience, rule.patience_epochs * epoch), rule.min_epochs * epoch) for epoch in epochs]


def _stages(curriculum: Curriculum, tasks: Sequence[TaskFacts]) -> list[tuple[list[int], list[int]]]:
    """Tasks that train in each stage before the last one has started, and those of them that are judged."""
    state, _ = curriculum.begin(tasks)
    stages: list[tuple[list[int], list[int]]] = []
    while "waiting" in state.phases and len(stages) < len(tasks):
        training = [task for task, phase in enumerate(state.phases) if phase in {"labels", "distilling"}]
        judged = [task for task in training if state.phases[task] == "labels" and not state.converged[task]]
        stages.append((training, judged))
        verdicts = [ConvergenceVerdict(converged=task in judged, best_step=0, reason="") for task in range(len(tasks))]
        state, _ = curriculum.advance(state, verdicts)
    return stages

"""Everything that can be found wrong before a sweep starts; no Ray in here."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SetupTables
from ray_mtlkd.data.features import PARTS, MixedFeatures
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.decode import join, unknown_keys
from ray_mtlkd.errors import MtlkdError, gather, raise_all, without_repeats
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.named_tasks import unknown_tasks
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.strategies import fit_tasks
from ray_mtlkd.sweep.built_models import BuiltModels
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.divided import divided_warnings
from ray_mtlkd.sweep.foreign import taught_problems
from ray_mtlkd.sweep.foresight import budget_warnings, gradient_warnings, unused_tables
from ray_mtlkd.sweep.held_states import PendingStates, StateSize
from ray_mtlkd.sweep.made_tables import MadeTables
from ray_mtlkd.sweep.names import folded, trial_name
from ray_mtlkd.sweep.plan import Key, Plan, Trial
from ray_mtlkd.sweep.space import SearchSpace
from ray_mtlkd.training.evaluation.evaluate import facts
from ray_mtlkd.training.schooling import check_schooling
from ray_mtlkd.training.step.feed import batch_sizes

_MOST_TABLES = 8
"""Ways of one strategy to read a setup, where later configurations follow scores."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A search space that will run, with its tables.

    Attributes:
        tables: By setup's name and by what the encoder asks of it.
        featurisers: What made them, packed, likewise.
        content: What decides the trials' results.
        for_classical: The setups whose classical models are wanted, before featurising.
        states: What layers of pretrained encoders that do not train leave of each setup.
        pending: Of tables in which zeros stand for such states, what these are to be.
        warnings: What a reader of the results should know.
    """

    space: SearchSpace
    plan: Plan
    tables: Mapping[Key, SetupTables[Array]]
    featurisers: Mapping[Key, bytes]
    content: SweepContent
    for_classical: tuple[ValidatedSetup, ...]
    states: tuple[StateSize, ...]
    pending: Mapping[Key, PendingStates]
    warnings: tuple[str, ...]

    def of(self, trial: Trial) -> SetupTables[Array]:
        """A trial's tables."""
        return self.tables[trial.key]


def prepare(
    space: SearchSpace,
    *,
    data_dir: Path | None = None,
    compute: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Prepared:
    """Read, validate and featurise every setup, and fit every strategy and encoder to it.

    Args:
        space: What to compare.
        data_dir: Where the tables of the catalogue's setups are.
        compute: Whether what pretrained layers make of the tables is put there now, by this process; else zeros stand
            for it, which do where nothing is to be learned.
        say: Told what is going on.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    validated = _read_setups(space, data_dir=data_dir, say=say)
    problems: list[MtlkdError] = []
    plan = Plan(space, {name: len(setup.manifest.tasks) for name, setup in validated.items()})
    problems.extend(_name_problems(plan))
    foreseen = list(plan.foreseen())
    problems.extend(_unread_problems(foreseen, validated))
    problems.extend(taught_problems(space.teachers, validated))
    made = MadeTables(space, validated, compute=compute, say=say)
    models = BuiltModels()
    named: set[tuple[str, Architecture]] = set()
    fitted: set[str] = set()
    endless = list(_endless_tables(foreseen)) if plan.follows_scores else []
    problems.extend(endless)
    for trial in plan.distinct() if endless else foreseen:
        with gather(problems):
            tables = made.of(trial)
            problems.extend(_trial_problems(trial, space, validated, tables))
            at, place = (trial.setup, trial.configuration.architecture), _place(space, trial)
            if at not in named:
                named.add(at)
                problems.extend(unknown_tasks(at[1], validated[at[0]].manifest.tasks, where=f"setup {at[0]}"))
            models.check(trial, tables, where=place)
            check_schooling(trial.configuration, where=place)
            strategy = trial.configuration.strategy
            if (key := repr((trial.key, strategy))) not in fitted:
                fitted.add(key)
                fit_tasks(strategy, [facts(each) for each in tables.tasks], where=place)
    raise_all(space.name, without_repeats(problems))
    return Prepared(
        space=space,
        plan=plan,
        tables=made.tables,
        featurisers=made.featurisers,
        content=space.content({name: made.content(name) for name in validated}),
        for_classical=tuple(validated.values()) if space.classical else (),
        states=made.states,
        pending=made.pending,
        warnings=_warnings(space, plan, validated, made, models),
    )


def _warnings(
    space: SearchSpace,
    plan: Plan,
    validated: Mapping[str, ValidatedSetup],
    made: MadeTables,
    models: BuiltModels,
) -> tuple[str, ...]:
    planned = [(trial, made.of(trial)) for trial in plan.distinct()]
    return (
        *dict.fromkeys(warning for table in made.tables.values() for warning in table.warnings),
        *divided_warnings((trial for trial, _ in planned), made.divided),
        *budget_warnings(planned),
        *gradient_warnings(planned, models.sizes, most_gb=space.resources.gradient_gb),
        *models.warnings,
        *unused_tables(plan.distinct(), validated),
    )


def _read_setups(space: SearchSpace, *, data_dir: Path | None, say: Callable[[str], None]) -> dict[str, ValidatedSetup]:
    """Every setup by its name, which must tell their records and files apart."""
    problems: list[MtlkdError] = []
    found = []
    for name in space.setups:
        say(f"reading {name}")
        with gather(problems):
            found.append(setups.read(name, data_dir=data_dir))
    names = [folded(setup.manifest.name) for setup in found]
    problems.extend(
        MtlkdError(f"two manifests are named {name!r}", where="setups", fix="rename one of them")
        for name in sorted({name for name in names if names.count(name) > 1})
    )
    raise_all("setups", problems)
    return {setup.manifest.name: setup for setup in found}


def _place(space: SearchSpace, trial: Trial) -> str:
    """Where a trial's strategy stands."""
    at = [strategy.label for strategy in space.strategies].index(trial.strategy)
    return f"setup {trial.setup}: {join('strategies', at)}"


def _trial_problems(
    trial: Trial, space: SearchSpace, validated: Mapping[str, ValidatedSetup], tables: SetupTables[Array]
) -> Iterator[MtlkdError]:
    yield from _size_problems(trial, validated)
    yield from (found for found in (_rows_problem(trial, tables), _gpu_problem(trial, space)) if found is not None)


def _name_problems(plan: Plan) -> Iterator[MtlkdError]:
    """Groups whose trials would have one name: strategy c of the setup a-b and b-c of a."""
    found: dict[str, tuple[str, str]] = {}
    for group in plan.groups:
        other = found.setdefault(folded(trial_name(*group, index=0, seed=0)), group)
        if other != group:
            pairs = " and ".join(f"{setup!r} with {label!r}" for setup, label in (other, group))
            what = f"the trials of {pairs} would have the same names"
            yield MtlkdError(what, where="strategies", fix="give one another `label:`")


def _unread_problems(trials: Iterable[Trial], validated: Mapping[str, ValidatedSetup]) -> Iterator[MtlkdError]:
    """Encoders for sorts of inputs that no task of any setup has."""
    given = {part for setup in validated.values() for spec in setup.manifest.tasks.values() for part in spec.parts}
    asked = {trial.configuration.architecture.features for trial in trials}
    for part in PARTS:
        if part not in given and any(isinstance(each, MixedFeatures) and part in each.by_part() for each in asked):
            fix = "leave it out, or give some task such inputs"
            yield MtlkdError(f"no task has inputs for it ({part})", where=join("encoder", part), fix=fix)


def _endless_tables(trials: Iterable[Trial]) -> Iterator[MtlkdError]:
    """Searches whose later configurations may ask for tables that nobody has made, each setup's widest."""
    asked: dict[str, dict[str, set[Key]]] = {}
    for trial in trials:
        asked.setdefault(trial.setup, {}).setdefault(trial.strategy, set()).add(trial.key)
    for setup, by_label in asked.items():
        label, keys = max(by_label.items(), key=lambda item: len(item[1]))
        if len(keys) > _MOST_TABLES:
            what = f"{label} may read {setup} in {len(keys)} ways or more, and tables are made before the first trial"
            fix = f"give keys of the encoder that decide it {_MOST_TABLES} values in all at most, or sampler spread"
            yield MtlkdError(what, where="search.sampler", fix=fix)


def _size_problems(trial: Trial, validated: Mapping[str, ValidatedSetup]) -> Iterator[MtlkdError]:
    """Batch sizes of tasks that no setup has."""
    sizes = trial.configuration.training.batch_size
    tasks = {name for setup in validated.values() for name in setup.manifest.tasks}
    yield from unknown_keys(sizes if isinstance(sizes, dict) else (), tasks, what="task", where="training.batch_size")


def _rows_problem(trial: Trial, tables: SetupTables[Array]) -> MtlkdError | None:
    rows = {table.task.name: len(table.train) for table in tables.tasks}
    sizes = batch_sizes(trial.configuration.training, tables)
    beyond = [name for (name, count), size in zip(rows.items(), sizes, strict=True) if size > count]
    by_task = isinstance(trial.configuration.training.batch_size, dict)
    if not beyond or (len(beyond) < len(rows) and not by_task):  # one size for all may be more than a small task has
        return None
    largest = max(rows.values())
    said = f"{beyond[0]} has only {rows[beyond[0]]}" if by_task else f"no task of {trial.setup} has more than {largest}"
    return MtlkdError(
        f"a batch of {max(sizes)} rows, and {said}",
        where="training.batch_size",
        fix=f"make it at most {rows[beyond[0]] if by_task else largest}",
    )


def _gpu_problem(trial: Trial, space: SearchSpace) -> MtlkdError | None:
    settings = trial.configuration.relabel
    if settings.where != "pool" or not settings.gpus_per_actor or not space.resources.gpus:
        return None
    return MtlkdError(
        "trials would hold the GPUs that their pools wait for",
        where="relabel.where",
        fix="use shared, whose actors get theirs first, or set relabel.gpus_per_actor to 0",
    )

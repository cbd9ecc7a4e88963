"""Everything that can be found wrong before a sweep starts; no Ray in here."""

import functools
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ray_mtlkd import setups
from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.data.features import PARTS, Features, MixedFeatures
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.decode import join, unknown_name
from ray_mtlkd.errors import MtlkdError, gather, raise_all, without_repeats
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.setups.validated import ValidatedSetup
from ray_mtlkd.strategies import fit_tasks
from ray_mtlkd.sweep.content import SweepContent
from ray_mtlkd.sweep.foreign import ForeignTeachers, taught_problems
from ray_mtlkd.sweep.foresight import GradientSizes, budget_warnings, gradient_warnings, unused_tables
from ray_mtlkd.sweep.held_states import PendingStates, StateSize, StateTables, pieces_of
from ray_mtlkd.sweep.names import folded, trial_name
from ray_mtlkd.sweep.plan import Plan, Trial
from ray_mtlkd.sweep.space import SearchSpace
from ray_mtlkd.training.evaluation.evaluate import facts, metrics_of
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.schooling import check_schooling
from ray_mtlkd.training.step.feed import batch_sizes
from ray_mtlkd.training.step.model import model_for, outline
from ray_mtlkd.training.step.trainer import Trainer

Key = tuple[str, Features]


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
        return self.tables[trial.setup, trial.configuration.architecture.features]


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
    problems.extend(_unread_problems(plan, validated))
    problems.extend(taught_problems(space.teachers, validated))
    taught = ForeignTeachers(space.teachers)
    tables: dict[Key, SetupTables[Array]] = {}
    featurisers: dict[Key, bytes] = {}
    sizes: dict[tuple[str, Architecture], GradientSizes] = {}
    featurised = functools.cache(lambda name, features: setups.featurise_and_pack(validated[name], features))
    states = StateTables(most_bytes=space.resources.cache_gb * 2**30)
    pending: dict[Key, PendingStates] = {}
    for trial in plan.distinct():
        with gather(problems):
            decoded = trial.configuration
            key = (trial.setup, decoded.architecture.features)
            if key not in tables:
                say(f"featurising {trial.setup} for {decoded.architecture.encoder.name}")
                made, featurisers[key] = featurised(trial.setup, pieces_of(key[1]))
                made, left = states.plan(made, decoded.architecture.encoder)
                if left is not None and compute:
                    if left.size.seconds:
                        say(f"computing states of {trial.setup}: about {duration(left.size.seconds)} of one core")
                    made = left.put(made, say=say)
                elif left is not None:
                    pending[key] = left
                tables[key] = taught.teach(validated[trial.setup], made, say=say)
            tasks = tables[key].tasks
            problems.extend(_size_problems(trial, validated))
            found = (_rows_problem(trial, tables[key]), _gpu_problem(trial, space))
            problems.extend(problem for problem in found if problem is not None)
            if (trial.setup, decoded.architecture) not in sizes:
                views, place = as_tensors(tables[key]).tasks, f"{_place(space, trial)}: encoder"
                model = outline(decoded.architecture, views, where=place)
                sizes[trial.setup, decoded.architecture] = GradientSizes.of(model)
                model_for(decoded.architecture, views)
            check_schooling(decoded, where=_place(space, trial))
            fit_tasks(decoded.strategy, [facts(table) for table in tasks], where=_place(space, trial))
    raise_all(space.name, without_repeats(problems))
    planned = [(trial, tables[trial.setup, trial.configuration.architecture.features]) for trial in plan.distinct()]
    warnings = (
        *dict.fromkeys(warning for table in tables.values() for warning in table.warnings),
        *budget_warnings(planned),
        *gradient_warnings(planned, sizes, most_gb=space.resources.gradient_gb),
        *unused_tables(plan.distinct(), validated),
    )
    wanted = tuple(validated.values()) if space.classical else ()
    return Prepared(
        space=space,
        plan=plan,
        tables=tables,
        featurisers=featurisers,
        content=space.content(
            {
                name: {**setups.content_of(setup), **taught.content(name), **_encoders(name, tables)}
                for name, setup in validated.items()
            }
        ),
        for_classical=wanted,
        states=tuple(states.sizes),
        pending=pending,
        warnings=warnings,
    )


def _encoders(setup: str, tables: Mapping[Key, SetupTables[Array]]) -> dict[str, str]:
    """What the pretrained encoders are that read a setup."""
    found = (setups.content_of_encoder(features) for name, features in tables if name == setup)
    return {path: content for each in found for path, content in each.items()}


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


def _name_problems(plan: Plan) -> Iterator[MtlkdError]:
    """Groups whose trials would have one name: strategy c of the setup a-b and b-c of a."""
    found: dict[str, tuple[str, str]] = {}
    for group in plan.groups:
        other = found.setdefault(folded(trial_name(*group, index=0, seed=0)), group)
        if other != group:
            pairs = " and ".join(f"{setup!r} with {label!r}" for setup, label in (other, group))
            what = f"the trials of {pairs} would have the same names"
            yield MtlkdError(what, where="strategies", fix="give one another `label:`")


def _unread_problems(plan: Plan, validated: Mapping[str, ValidatedSetup]) -> Iterator[MtlkdError]:
    """Encoders for sorts of inputs that no task of any setup has."""
    given = {part for setup in validated.values() for spec in setup.manifest.tasks.values() for part in spec.parts}
    asked = {trial.configuration.architecture.features for trial in plan.distinct()}
    for part in PARTS:
        if part not in given and any(isinstance(each, MixedFeatures) and part in each.by_part() for each in asked):
            fix = "leave it out, or give some task such inputs"
            yield MtlkdError(f"no task has inputs for it ({part})", where=join("encoder", part), fix=fix)


def _size_problems(trial: Trial, validated: Mapping[str, ValidatedSetup]) -> Iterator[MtlkdError]:
    """Batch sizes of tasks that no setup has."""
    sizes = trial.configuration.training.batch_size
    tasks = {name for setup in validated.values() for name in setup.manifest.tasks}
    for name in sizes if isinstance(sizes, dict) else ():
        if name not in tasks:
            yield unknown_name(name, tasks, what="task", where="training.batch_size")


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


@dataclass(frozen=True, kw_only=True)
class CostEstimate:
    """What a sweep will cost at most: curricula that converge early need less.

    Attributes:
        task_batches: Physical task batches of all trials; ``steps``: these divided by the number of tasks.
        cpu_s: Seconds of one core, from a few steps and one evaluation measured here.
    """

    trials: int
    steps: int
    task_batches: int
    cpu_s: float


def duration(seconds: float) -> str:
    """``7 s``, ``3.5 min``, ``6.8 h``."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


_MEASURED_STEPS = 12


def estimate(prepared: Prepared) -> CostEstimate:
    """Measure the first trial of each group for a few steps, and extrapolate to the whole plan."""
    plan = prepared.plan
    views = {key: as_tensors(tables) for key, tables in prepared.tables.items()}
    count, steps, batches, seconds = 0, 0, 0, 0.0
    for group in plan.groups:
        replicated = [plan.replicates(group, index) for index in plan.known_indices]
        # which configurations will be replicated is not known: at most the longest
        longest = sorted(replicated, key=lambda trials: -trials[0].configuration.training.steps)[: plan.chosen]
        # nor what follows from scores: about what is known by now
        searched = list(itertools.islice(itertools.cycle(plan.search(group)), plan.search_size))
        planned = [*searched, *itertools.chain(*longest)]
        configuration = planned[0].configuration
        job = Job(
            tables=views[planned[0].setup, configuration.architecture.features],
            configuration=configuration,
            seed=0,
            gradient_bytes=prepared.space.resources.gradient_gb * 2**30,
        )
        per_step_s = _trial_seconds(job) / configuration.training.steps
        share = plan.search_share if _scores_early(job) else 1.0
        for trial in planned:
            training = trial.configuration.training
            spent = math.ceil(training.steps * (share if trial.stage == "search" else 1.0))
            count += 1
            steps += spent
            batches += spent * len(job.tables.tasks)
            seconds += per_step_s * spent
    return CostEstimate(trials=count, steps=steps, task_batches=batches, cpu_s=seconds)


def _scores_early(job: Job) -> bool:
    """Whether all tasks train from the first step: a search that halves can compare no others early on."""
    curriculum = job.configuration.strategy.curriculum
    state, _ = curriculum.begin([facts(table) for table in job.tables.tasks])
    return "waiting" not in state.phases


def _trial_seconds(job: Job) -> float:
    return sum(map(_run_seconds, job.parts))


def _run_seconds(job: Job) -> float:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    trainer = Trainer(job)
    tasks = range(len(job.tables.tasks))
    trainer.step(tasks, soft={}, share=0.5)
    started = time.process_time()
    for _ in range(_MEASURED_STEPS):
        trainer.step(tasks, soft={}, share=0.5)
    step_s = (time.process_time() - started) / _MEASURED_STEPS
    started = time.process_time()
    metrics_of(trainer.model, job.tables, "valid", tasks)
    evaluation_s = time.process_time() - started
    torch.set_num_threads(threads)
    training = job.configuration.training
    return training.steps * step_s + (training.steps // training.eval_every) * evaluation_s

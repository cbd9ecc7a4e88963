"""Finished replicate trials as arrays: one `Runs` a strategy and setup, one row a seed, one column a task."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.arrow import hints, without_none
from ray_mtlkd.errors import MtlkdError, raise_all
from ray_mtlkd.records import TaskIdentity, TaskResult, TrialEnd
from ray_mtlkd.report.statistics import Floats

Key = tuple[str, int]
"""Sweep and seed: what a strategy and its reference are paired by within a setup."""


def _numbers(part: type) -> tuple[str, ...]:
    return tuple(name for name, kind in hints(part).items() if without_none(kind) in {int, float})


_OF_TRIAL = ("config_index", "seed", "task_index", "sign")
"""Numbers of an identity that are no figures of a task."""
PER_TASK = (*(name for name in _numbers(TaskIdentity) if name not in _OF_TRIAL), *_numbers(TaskResult))
PER_TRIAL = _numbers(TrialEnd)
"""The numbers that a record holds of a task, and of the whole trial."""
_COLUMNS = [
    *("setup", "strategy", "sweep", "stage", "seed", "config_index", "trial", "status", "warnings"),
    *("task", "task_index", "kind", "metric", "sign", *PER_TASK, *PER_TRIAL),
]
ROLES = ("baseline", "kd", "control", "reference")


@dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """What the report needs to know of a task."""

    name: str
    kind: str
    metric: str
    sign: int


@dataclass(frozen=True, kw_only=True)
class StrategyInfo:
    """A strategy as the tables name it."""

    name: str
    role: str
    curriculum: str
    balancer: str


@dataclass(frozen=True, kw_only=True)
class Runs:
    """One strategy's finished replicate trials in one setup.

    Attributes:
        keys: One a trial [N], ascending; as often as configurations replicate.
        configurations: Their numbers [N], ascending within a key, and the same for all keys of a sweep.
        trials: Their names [N].
        per_task: By the record's column, ``PER_TASK``: [N, T], NaN where the record has none.
        per_trial: By the record's column, ``PER_TRIAL``: [N].
        missing: Seeds that other strategies of the same sweeps have, or that failed here under some configuration.
        untrained: The tasks that the budget did not reach [N]; most often none.
    """

    strategy: StrategyInfo
    keys: tuple[Key, ...]
    configurations: tuple[int, ...]
    trials: tuple[str, ...]
    per_task: Mapping[str, Floats]
    per_trial: Mapping[str, Floats]
    missing: tuple[Key, ...]
    untrained: tuple[tuple[str, ...], ...]

    @property
    def seeds(self) -> tuple[Key, ...]:
        """Each of ``keys`` once [n]."""
        return tuple(dict.fromkeys(self.keys))

    def over_configurations(self, values: Floats) -> Floats:
        """The mean over each seed's configurations: [N, ...] to [n, ...]."""
        places = {key: at for at, key in enumerate(self.seeds)}
        index = np.array([places[key] for key in self.keys], dtype=np.intp)
        sums = np.zeros((len(places), *values.shape[1:]))
        np.add.at(sums, index, values)
        counts = np.bincount(index, minlength=len(places)).astype(np.float64)
        found: Floats = sums / counts.reshape(-1, *[1] * (values.ndim - 1))
        return found


@dataclass(frozen=True, kw_only=True)
class Setup:
    """One setup with all its strategies, in the order of the tables."""

    name: str
    tasks: tuple[TaskInfo, ...]
    runs: tuple[Runs, ...]

    @property
    def signs(self) -> Floats:
        """+1 where a higher metric is better, else -1 [T]."""
        return np.array([task.sign for task in self.tasks], dtype=np.float64)

    @property
    def seeds(self) -> tuple[Key, ...]:
        """That any strategy has a finished trial of, ascending."""
        return tuple(sorted({key for runs in self.runs for key in runs.keys}))

    def of(self, strategy: str) -> Runs | None:
        """The runs of a strategy; None where it has no finished trial here."""
        return next((runs for runs in self.runs if runs.strategy.name == strategy and runs.keys), None)


def group(table: pa.Table) -> tuple[Setup, ...]:
    """Setups in the order of their names.

    Args:
        table: Columns of ``records.SCHEMA``, at most one trial a (sweep, setup, strategy, configuration, seed) among
            replicates.

    Raises:
        MtlkdError: where a setup has other tasks in another trial, or a strategy another role.
    """
    strategies = _strategies(table)
    order = ["setup", "strategy", "sweep", "seed", "config_index", "task_index"]
    table = table.select(_COLUMNS).sort_by([(name, "ascending") for name in order])
    names = pc.unique(table["setup"]).to_pylist()
    return tuple(_setup(name, table.filter(pc.equal(table["setup"], name)), strategies) for name in names)


def _strategies(table: pa.Table) -> dict[str, StrategyInfo]:
    columns = ["strategy", "role", "curriculum", "balancer"]
    kinds = table.group_by(columns).aggregate([]).select(columns).to_pylist()
    found: dict[str, StrategyInfo] = {}
    problems = []
    for name, role, curriculum, balancer in sorted(tuple(row.values()) for row in kinds):
        strategy = StrategyInfo(name=name, role=role, curriculum=curriculum, balancer=balancer)
        first = found.setdefault(name, strategy)
        if first != strategy:
            meanings = [f"{each.curriculum} x {each.balancer} ({each.role})" for each in (first, strategy)]
            what = f"means {meanings[0]} in one trial and {meanings[1]} in another"
            problems.append(MtlkdError(what, where=f"strategy {name}", fix="report these sweeps apart"))
    raise_all("strategies", problems)
    return dict(sorted(found.items(), key=lambda item: _place(item[1])))


def _place(strategy: StrategyInfo) -> tuple[int, bool, str]:
    role = ROLES.index(strategy.role) if strategy.role in ROLES else len(ROLES)
    return role, strategy.name != "sum", strategy.name


def _setup(name: str, table: pa.Table, strategies: Mapping[str, StrategyInfo]) -> Setup:
    tasks = _tasks(name, table)
    replicates = table.filter(pc.equal(table["stage"], "replicate"))
    planned = _keys(replicates)
    done = replicates.filter(pc.equal(replicates["status"], "ok"))
    present = set(pc.unique(table["strategy"]).to_pylist())
    runs = []
    for strategy in strategies.values():
        if strategy.name not in present:
            continue
        sweeps = set(_of(table, strategy.name)["sweep"].unique().to_pylist())
        runs.append(_runs(strategy, _of(done, strategy.name), [key for key in planned if key[0] in sweeps], tasks))
    return Setup(name=name, tasks=tasks, runs=tuple(runs))


def _runs(strategy: StrategyInfo, table: pa.Table, planned: list[Key], tasks: tuple[TaskInfo, ...]) -> Runs:
    width = len(tasks)
    whole = _complete(table)
    if table["task"].to_pylist() != [task.name for task in tasks] * len(whole):
        counts = [len(list(rows)) for _, rows in groupby(table["trial"].to_pylist())]
        short = next((at for at, count in enumerate(counts) if count != width), 0)
        trial = list(dict.fromkeys(table["trial"].to_pylist()))[short]
        what = f"the trial's record does not hold each of the {width} tasks once"
        raise MtlkdError(what, where=f"trial {trial}", fix="delete this trial's file and resume the sweep")
    rows = np.repeat(list(whole.values()), width)
    table = table.filter(pa.array(rows, pa.bool_()))
    first = table.take(pa.array(range(0, table.num_rows, width), pa.int64()))
    late = [{each["task"] for each in found if each["kind"] == "untrained"} for found in first["warnings"].to_pylist()]
    columns = {name: _floats(table, name).reshape(-1, width) for name in (*PER_TASK, *PER_TRIAL)}
    keys = tuple(zip(first["sweep"].to_pylist(), first["seed"].to_pylist(), strict=True))
    return Runs(
        strategy=strategy,
        keys=keys,
        configurations=tuple(first["config_index"].to_pylist()),
        trials=tuple(first["trial"].to_pylist()),
        per_task={name: columns[name] for name in PER_TASK},
        per_trial={name: columns[name][:, 0] for name in PER_TRIAL},
        missing=tuple(key for key in planned if key not in set(keys)),
        untrained=tuple(tuple(task.name for task in tasks if task.name in names) for names in late),
    )


def _complete(table: pa.Table) -> dict[tuple[Key, int], bool]:
    """Whether a strategy's trial is one of a seed that ran under every configuration that its sweep replicates.

    A seed that lacks one would mix how seeds differ with how configurations do.
    """
    columns = (table[name].to_pylist() for name in ("sweep", "seed", "config_index"))
    trials = sorted({((sweep, seed), index) for sweep, seed, index in zip(*columns, strict=True)})
    wanted: dict[str, set[int]] = {}
    found: dict[Key, set[int]] = {}
    for key, index in trials:
        wanted.setdefault(key[0], set()).add(index)
        found.setdefault(key, set()).add(index)
    return {(key, index): found[key] == wanted[key[0]] for key, index in trials}


def _tasks(setup: str, table: pa.Table) -> tuple[TaskInfo, ...]:
    columns = ["task_index", "task", "kind", "metric", "sign"]
    rows = sorted(tuple(row.values()) for row in table.group_by(columns).aggregate([]).select(columns).to_pylist())
    tasks = tuple(TaskInfo(name=name, kind=kind, metric=metric, sign=sign) for _, name, kind, metric, sign in rows)
    if [row[0] for row in rows] != list(range(len(rows))) or len({task.name for task in tasks}) != len(tasks):
        what = "its trials disagree on its tasks or their metrics: " + ", ".join(f"{row[1]} ({row[3]})" for row in rows)
        raise MtlkdError(what, where=f"setup {setup}", fix="report these sweeps apart")
    return tasks


def _of(table: pa.Table, strategy: str) -> pa.Table:
    return table.filter(pc.equal(table["strategy"], strategy))


def _keys(table: pa.Table) -> list[Key]:
    rows = zip(table["sweep"].to_pylist(), table["seed"].to_pylist(), strict=True)
    return sorted(set(rows))


def _floats(table: pa.Table, column: str) -> Floats:
    values: Floats = table[column].cast(pa.float64()).to_numpy()
    return values

"""Whether strategies that distil did so: told from facts in the records, never from what a sentence says."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records

_WITHOUT = {"joint_kd": "sum", "sequential_kd": "sequential"}
"""What a curriculum does until the first task converges, under the balancer `sum`."""
_LATE = 0.9
"""Of a trial's steps: a task that converges after so many has too few left to learn from its teacher."""
_ENOUGH = 0.5
"""Of the tasks, or of the trials: where fewer distilled in time, the strategy is hardly what its name says."""


@dataclass(frozen=True, kw_only=True)
class Distilled:
    """The tasks of one finished replicate trial of a strategy that distils.

    Attributes:
        tasks: So many; ``converged``: of these; ``relabelled``: of those, before the run ended.
        late: Of those that converged, in the last tenth of the run or too late to be relabelled.
        checkpoint: Step of the last evaluation whose model was measured; None where that is not told.
        switched: Step of the first evaluation after which a task distilled, 0 where one did from the start; None where
            none did.
    """

    setup: str
    strategy: str
    curriculum: str
    balancer: str
    tasks: int
    converged: int
    relabelled: int
    late: int
    checkpoint: int | None
    switched: int | None

    @property
    def in_time(self) -> int:
        """Tasks that had a teacher before the last tenth of the run."""
        return self.converged - self.late

    @property
    def is_without(self) -> bool:
        """Whether what was measured is from before any task distilled."""
        return self.checkpoint is not None and self.switched is not None and self.checkpoint <= self.switched


def cautions(records: Records) -> list[str]:
    """A sentence for each setup and distilling strategy that relabelled no task, or few in time, or to no effect."""
    said = []
    for _, found in groupby(_trials(records), key=lambda trial: (trial.setup, trial.strategy)):
        trials = sorted(found, key=lambda trial: trial.in_time)
        median = trials[(len(trials) - 1) // 2]
        if not any(trial.relabelled for trial in trials):
            said.append(_never(trials))
            continue
        if sum(trial.is_without for trial in trials) >= _ENOUGH * len(trials):
            said.append(_without(trials))
        if median.in_time < _ENOUGH * median.tasks:
            said.append(_hardly(median, len(trials)))
    return said


def _trials(records: Records) -> list[Distilled]:
    """All of them, strategy by strategy."""
    table = records.table
    for column, value in (("role", "kd"), ("stage", "replicate"), ("status", "ok")):
        table = table.filter(pc.equal(table[column], value))
    taught, noticed = pc.is_valid(table["relabelled_where"]), table["converged_step"]
    # Teachers from elsewhere, or from before the student, are there from the start: no convergence is noticed.
    after = pc.greater(pc.cast(noticed, pa.float64()), pc.multiply(pc.cast(table["steps"], pa.float64()), _LATE))
    converged = pc.or_(taught, pc.is_valid(noticed))
    late = pc.and_(converged, pc.or_(pc.invert(taught), pc.fill_null(after, fill_value=False)))
    flags = {"tasks": pc.is_valid(table["task"]), "converged": converged, "relabelled": taught, "late": late}
    for name, flag in flags.items():
        table = table.append_column(f"n_{name}", pc.cast(flag, pa.int64()))
    is_given = pc.fill_null(pc.equal(table["relabelled_where"], "given"), fill_value=False)
    since = pc.if_else(is_given, 0, pc.fill_null(noticed, 0))
    table = table.append_column("switched", pc.if_else(taught, since, None))
    names = ["setup", "strategy", "curriculum", "balancer"]
    whole = [("checkpoint_step", "max"), ("switched", "min"), *((f"n_{name}", "sum") for name in flags)]
    counts = table.group_by([*names, "sweep", "trial"]).aggregate(whole)
    rows = counts.sort_by([(name, "ascending") for name in (*names, "sweep", "trial")]).to_pylist()
    return [
        Distilled(
            **{name: row[name] for name in names},
            **{name: row[f"n_{name}_sum"] for name in flags},
            checkpoint=row["checkpoint_step_max"],
            switched=row["switched_min"],
        )
        for row in rows
    ]


def _never(trials: Sequence[Distilled]) -> str:
    first = trials[0]
    what = "was relabelled" if any(trial.converged for trial in trials) else "converged"
    setup, strategy = text.plain(first.setup), text.code(first.strategy)
    return f"{setup}: no task {what} within the budget, so {strategy} trained {_plainly(first)}"


def _without(trials: Sequence[Distilled]) -> str:
    first, number = trials[0], sum(trial.is_without for trial in trials)
    return (
        f"{text.plain(first.setup)}: in {number} of {len(trials)} trials the best checkpoint of "
        f"{text.code(first.strategy)} is from before its first task distilled, so what is measured there "
        f"trained {_plainly(first)}"
    )


def _plainly(trial: Distilled) -> str:
    """What the strategy does until a task distils."""
    plain = _WITHOUT.get(trial.curriculum, "")
    if plain and trial.balancer != "sum":
        plain = trial.balancer if plain == "sum" else f"{plain}+{trial.balancer}"
    return f"like {text.code(plain)}" if plain else "without distillation"


def _hardly(trial: Distilled, trials: int) -> str:
    late = f", {trial.late} of them in the last tenth of its steps" if trial.late else ""
    median = f" (the median of {trials} trials)" if trials > 1 else ""
    return (
        f"{text.plain(trial.setup)}: {text.code(trial.strategy)} hardly distilled: {trial.converged} of "
        f"{trial.tasks} tasks converged{late}{median}; give it more steps before you conclude"
    )

"""Whether strategies that distil did so, and held what they had: told from facts in the records."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

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
_FALL = 0.2
"""Of its teacher's skill: a task that ends so much lower is not held; a single evaluation of few rows is often half of
that off."""
_ENDS = ["setup", "strategy", "task_index", "task", "sign", "trivial", "teacher", "valid_end"]


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
    """Sentences on distilling strategies of a setup that relabelled no task, or few in time, or to no effect."""
    said = []
    for _, found in groupby(_trials(records), key=lambda trial: (trial.setup, trial.strategy)):
        trials = sorted(found, key=lambda trial: trial.in_time)
        middle = trials[(len(trials) - 1) // 2]
        if not any(trial.relabelled for trial in trials):
            said.append(_never(trials))
            continue
        if sum(trial.is_without for trial in trials) >= _ENOUGH * len(trials):
            said.append(_without(trials))
        if middle.in_time < _ENOUGH * middle.tasks:
            said.append(_hardly(middle, len(trials)))
    return said + _fallen(records)


def _finished(records: Records) -> pa.Table:
    """The tasks of finished replicate trials of strategies that distil."""
    table = records.table
    for column, value in (("role", "kd"), ("stage", "replicate"), ("status", "ok")):
        table = table.filter(pc.equal(table[column], value))
    return table


def _trials(records: Records) -> list[Distilled]:
    """All of them, strategy by strategy."""
    table = _finished(records)
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
    among = f" (the median of {trials} trials)" if trials > 1 else ""
    return (
        f"{text.plain(trial.setup)}: {text.code(trial.strategy)} hardly distilled: {trial.converged} of "
        f"{trial.tasks} tasks converged{late}{among}; give it more steps before you conclude"
    )


def _fallen(records: Records) -> list[str]:
    """A sentence for each setup and strategy of which tasks mostly end far below what they were as they converged.

    Teachers that are no earlier state of the student may be out of its reach: nothing is said of them.
    """
    table = _finished(records)
    own = pc.and_(pc.not_equal(table["relabelled_where"], "given"), pc.is_valid(table["converged_step"]))
    table = table.filter(own).select(_ENDS).sort_by([(name, "ascending") for name in _ENDS[:3]])
    falls = defaultdict[tuple[str, str], dict[str, list[float]]](lambda: defaultdict(list))
    for row in table.to_pylist():
        gained = row["sign"] * (row["teacher"] - row["trivial"])
        if row["valid_end"] is not None and gained > 0:
            # of skill: the room up to a perfect predictor falls out
            fall = row["sign"] * (row["teacher"] - row["valid_end"]) / gained
            falls[row["setup"], row["strategy"]][row["task"]].append(fall)
    lasting = {
        of: {task: found for task, found in tasks.items() if _far(found) >= _ENOUGH * len(found)}
        for of, tasks in falls.items()
    }
    return [_fell(*of, tasks) for of, tasks in lasting.items() if tasks]


def _far(falls: Sequence[float]) -> int:
    """In how many trials a task fell so far that it was not held."""
    return sum(fall > _FALL for fall in falls)


def _fell(setup: str, strategy: str, tasks: Mapping[str, Sequence[float]]) -> str:
    said = text.listed(
        f"{text.plain(task)} by {100 * median(falls):.0f} % (the median of {len(falls)} trials, in {_far(falls)} of"
        f" them by more than {100 * _FALL:.0f} %)"
        for task, falls in tasks.items()
    )
    return (
        f"{text.plain(setup)}: {text.code(strategy)} does not hold what it distils: at the end skill on validation is"
        f" below the teacher's, of {said}; let distilling tasks take more batches (a lower `kd.every`) or weigh more"
        " (`kd.kd_weight`)"
    )

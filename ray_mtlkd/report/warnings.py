"""What a reader of the numbers should know: told from facts in the records, never from what a sentence says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.records import Stage
from ray_mtlkd.report import text
from ray_mtlkd.report.runs import Setup

MARK = "†"


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A strategy that did not train every task in every finished replicate trial.

    Attributes:
        tasks: That some trial never trained.
        trials: That never trained some task, of ``of`` trials.
    """

    strategy: str
    tasks: tuple[str, ...]
    trials: int
    of: int

    @property
    def said(self) -> str:
        """The tasks and how often."""
        return f"{text.code(self.strategy)}: {', '.join(map(text.plain, self.tasks))} in {self.trials} of {self.of}"


def unfinished(setups: Sequence[Setup]) -> tuple[Unfinished, ...]:
    """Over these setups together, in the order of their strategies."""
    found: dict[str, list[Unfinished]] = {}
    for setup in setups:
        for runs in setup.runs:
            lacking = {task for names in runs.untrained for task in names}
            each = Unfinished(
                strategy=runs.strategy.name,
                tasks=tuple(task.name for task in setup.tasks if task.name in lacking),
                trials=sum(map(bool, runs.untrained)),
                of=len(runs.keys),
            )
            found.setdefault(each.strategy, []).append(each)
    joined = [
        Unfinished(
            strategy=name,
            tasks=tuple(dict.fromkeys(task for part in parts for task in part.tasks)),
            trials=sum(part.trials for part in parts),
            of=sum(part.of for part in parts),
        )
        for name, parts in found.items()
    ]
    return tuple(each for each in joined if each.trials)


def footnote(marked: Sequence[Unfinished]) -> str:
    """What the mark in a table means; empty where nothing is marked."""
    if not marked:
        return ""
    trials, of = sum(each.trials for each in marked), sum(each.of for each in marked)
    return (
        f"{MARK} in {trials} of {of} trials the budget ended before every task had trained "
        f"({'; '.join(each.said for each in marked)}): not comparable (budget)"
    )


def unequal_searches(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each setup whose strategies did not search equally many configurations.

    Args:
        rows: One a trial, as ``history.trials`` gives them.
    """
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        setup = counts.setdefault(row["setup"], {})
        setup[row["strategy"]] = setup.get(row["strategy"], 0) + (row["stage"] == "search")
    return [
        f"{text.plain(setup)}: not every strategy searched as many configurations: "
        + ", ".join(f"{text.plain(strategy)} {number}" for strategy, number in found.items())
        for setup, found in counts.items()
        if len(set(found.values())) > 1
    ]


def missing_seeds(setups: Sequence[Setup]) -> list[str]:
    """A sentence for each strategy that lacks seeds which others of its sweeps ran."""
    said = []
    for setup in setups:
        for runs in setup.runs:
            if runs.missing:
                seeds = text.listed(str(seed) for _, seed in runs.missing)
                name, total = text.code(runs.strategy.name), len(runs.seeds) + len(runs.missing)
                said.append(
                    f"{text.plain(setup.name)}: {name} has {len(runs.seeds)} of {total} seeds (without {seeds}); "
                    "it is compared only on the seeds that it shares with the reference"
                )
    return said


def of_trials(table: pa.Table) -> list[str]:
    """What trials themselves warned of: each once a setup, with the strategies, stages and seeds that it is from."""
    columns = ["setup", "strategy", "stage", "seed"]
    warned = table.select(columns).take(pc.list_parent_indices(table["warnings"]))
    texts = pc.struct_field(pc.list_flatten(table["warnings"]), "text")
    warned = warned.append_column("text", texts).group_by([*columns, "text"]).aggregate([])
    seen: dict[tuple[str, str], dict[tuple[str, str], set[int]]] = {}
    for row in warned.to_pylist():
        trials = seen.setdefault((row["setup"], row["text"]), {})
        trials.setdefault((row["stage"], row["strategy"]), set()).add(row["seed"])
    return [
        f"{text.plain(setup)}: {text.plain(said)} ({_trials(trials)})" for (setup, said), trials in sorted(seen.items())
    ]


def _trials(found: Mapping[tuple[str, str], Iterable[int]]) -> str:
    stages = []
    for stage in reversed(get_args(Stage)):
        said = [
            f"{text.code(strategy)} seed{'s' * (len(set(seeds)) > 1)} {', '.join(map(str, sorted(seeds)))}"
            for (of, strategy), seeds in sorted(found.items())
            if of == stage
        ]
        stages.extend([f"{stage}: {', '.join(said)}"] if said else [])
    return "; ".join(stages)

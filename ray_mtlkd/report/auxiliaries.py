"""What tasks that train and do not count, the auxiliaries, did to those that do."""

import json
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ray_mtlkd.report import text
from ray_mtlkd.report.load import Records
from ray_mtlkd.report.matrices import matrices_of
from ray_mtlkd.report.runs import Setup
from ray_mtlkd.report.skills import by_task
from ray_mtlkd.report.statistics import Floats
from ray_mtlkd.report.summary import Summary

SAID = """\
**Auxiliary tasks** have the weight 0: they train, and do not count. *With it*: what one model of all tasks gains on the
others over a `split` that leaves only this one out, in points. *Affinity*: what a step for it takes off the losses of
the tasks that count, in percent, by their weights."""


def auxiliaries(setup: Setup, summary: Summary, records: Records) -> str:
    """What is said of each, with a table; empty where every task counts."""
    weights = next((runs.per_task["weight"][0] for runs in setup.runs if runs.keys), np.ones(len(setup.tasks)))
    found = [at for at, weight in enumerate(weights) if weight == 0]
    if not found:
        return ""
    splits = list(_splits(setup, records.table))
    affinities = list(_affinities(setup, records, weights))
    rows = [
        [text.plain(setup.tasks[at].name), _with(at, setup, summary, splits), text.listed(_helped(at, affinities))]
        for at in found
    ]
    return SAID + "\n\n" + text.table(["auxiliary", "with it", "affinity"], rows, words=["with it", "affinity"])


def _splits(setup: Setup, table: pa.Table) -> Iterator[tuple[str, list[set[str]]]]:
    """The groups of each `split`, by its label."""
    for runs in setup.runs:
        if runs.strategy.curriculum == "split" and runs.keys:
            own = table.filter(pc.is_in(table["trial"], pa.array([runs.trials[0]])))
            groups = json.loads(own["config"][0].as_py()).get("curriculum.groups", "")
            yield runs.strategy.name, [set(group.split("+")) for group in groups.split(", ")]


def _with(at: int, setup: Setup, summary: Summary, splits: Sequence[tuple[str, list[set[str]]]]) -> str:
    """What it adds to the others, where a split has them in one model and it in another."""
    others = {task.name for task in setup.tasks} - {setup.tasks[at].name}
    label = next((label for label, groups in splits if others in groups), None)
    found = None if label is None else summary.parts[setup.name].comparison.contrast("sum", label)
    together, apart = setup.of("sum"), None if label is None else setup.of(label)
    if found is None or together is None or apart is None:
        fix = ", ".join(task.name for task in setup.tasks if task.name in others)
        return f"not known: add {text.code(f'{{name: split, curriculum: {{groups: [[{fix}]]}}}}')}"
    changes = by_task(together).mean(axis=0) - by_task(apart).mean(axis=0)
    parts = [
        f"{text.plain(task.name)} {change:+.2f}" for task, change in zip(setup.tasks, changes, strict=True) if change
    ]
    return f"{text.contrast(found)} {found.finding} ({', '.join(parts)})"


def _affinities(setup: Setup, records: Records, weights: Floats) -> Iterator[tuple[str, Floats]]:
    """By strategy, the mean affinity of each task to those that count [T]; NaN where it is not known."""
    names = [runs.strategy.name for runs in setup.runs if runs.keys]
    found = matrices_of(setup, records, names)
    for name in names:
        matrix = found.get(name, {}).get("affinities")
        if matrix is not None:
            yield name, 100 * matrix @ weights / weights.sum()


def _helped(at: int, affinities: Sequence[tuple[str, Floats]]) -> Iterator[str]:
    for strategy, found in affinities:
        if np.isfinite(found[at]):
            yield f"{found[at]:+.2g} ({text.code(strategy)})"

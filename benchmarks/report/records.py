"""The records of sweeps of any size, as `python -m benchmarks.report.records FOLDER TRIALS` writes them in a minute.

The trials are those that the reference sweeps' search spaces plan with more configurations and seeds, and the sweep's
own writer writes them. Each one went as a real trial of the same setup and strategy did, only a little worse: its
curves, events and warnings are real.
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pyarrow.parquet as pq

from ray_mtlkd.records import Stage, Status, TaskRecord, TaskResult, TrialEnd, from_table
from ray_mtlkd.sweep.archive import write_records
from ray_mtlkd.sweep.plan import Plan, Trial, best_indices
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.training.configuration import flat
from ray_mtlkd.yaml_files import read_yaml

SWEEPS = ("quickstart", "intents")
"""Three setups of five tasks, eleven strategies, about 40 evaluations a trial."""
_RESULTS = Path(__file__).parents[2] / "results"
_SEED_SHARE = 0.1
"""Of a strategy's trials in a setup, those that replicate; the others search."""
_FAILED_SHARE = 0.01
_METRICS = ("valid", "test", "valid_peak", "test_peak", "teacher")
_Groups = Mapping[tuple[str, str], Sequence[Sequence[TaskRecord]]]
"""The trials of each setup and strategy, one record a task."""


def write_sweeps(folder: Path, trials: int) -> Counter[str]:
    """Write the directories of ``SWEEPS`` with at least so many trials in all.

    Returns:
        How many trials there are of each stage, and how many are ok and failed.
    """
    done = {name: _finished(_RESULTS / name / "records.parquet") for name in SWEEPS}
    each = -(-trials // sum(map(len, done.values())))
    counts = Counter(dict.fromkeys((*get_args(Stage), *get_args(Status)), 0))
    for name, groups in done.items():
        sweep = SweepFolder.at(str(folder / name))
        for records in _sweep(name, groups, each=each):
            write_records(sweep, records[0].identity.trial, records)
            counts.update((records[0].identity.stage, records[0].end.status))
    return counts


def _finished(file: Path) -> _Groups:
    trials: dict[str, list[TaskRecord]] = defaultdict(list)
    for record in from_table(pq.read_table(file)):
        trials[record.identity.trial].append(record)
    groups: dict[tuple[str, str], list[list[TaskRecord]]] = defaultdict(list)
    for records in trials.values():
        if records[0].end.status == "ok":
            groups[records[0].identity.setup, records[0].identity.strategy].append(records)
    return groups


def _sweep(name: str, done: _Groups, *, each: int) -> Iterator[list[TaskRecord]]:
    """A sweep with ``each`` trials a setup and strategy: all that search, then those that replicate the best."""
    seeds = max(2, round(_SEED_SHARE * each))
    value = read_yaml(_RESULTS / name / "space.yaml")
    replicate = {"configurations": 1, "seeds": list(range(1, seeds + 1))}
    value |= {"search": {"configurations": each - seeds}, "replicate": replicate}
    plan = Plan(decode_space(value, where=name), {setup: len(trials[0]) for (setup, _), trials in done.items()})
    for group in plan.groups:
        searched = [_went(trial, done[group]) for trial in plan.search(group)]
        yield from searched
        scores = {records[0].identity.config_index: [records[0].end.score] for records in searched}
        for index in best_indices(scores, most=plan.chosen):
            yield from (_went(trial, done[group]) for trial in plan.replicates(group, index))


def _went(trial: Trial, done: Sequence[Sequence[TaskRecord]]) -> list[TaskRecord]:
    """A trial as one of those ``done`` went, all its skills some percent lower; one in a hundred failed."""
    rng = random.Random(trial.name)  # noqa: S311 - no secret
    records, share = rng.choice(done), 1 - abs(rng.gauss(0, 0.02))
    own = {"stage": trial.stage, "config_index": trial.index, "seed": trial.seed, "trial": trial.name}
    own["config"] = json.dumps(flat(trial.configuration), sort_keys=True)
    made = [_lowered(replace(each, identity=replace(each.identity, **own)), share) for each in records]
    if rng.random() >= _FAILED_SHARE:
        return made
    error = f"loss is NaN in task {made[0].identity.task} at step {rng.randrange(made[0].end.steps)}"
    end = TrialEnd(status="failed", error=error, warnings=made[0].end.warnings)
    return [replace(record, end=end, result=TaskResult()) for record in made]


def _lowered(record: TaskRecord, share: float) -> TaskRecord:
    """The same with every skill, a metric's distance from the trivial predictor's, times ``share``."""

    def metric(found: float | None) -> float | None:
        return None if found is None else trivial + share * (found - trivial)

    trivial, end, result = record.identity.trivial, record.end, record.result
    metrics = {name: metric(getattr(result, name)) for name in _METRICS}
    retention = None if metrics["teacher"] is None else metrics["valid"] / metrics["teacher"]
    curve = [replace(point, valid=metric(point.valid)) for point in result.curve]
    return replace(
        record,
        end=replace(end, score=share * end.score),
        result=replace(result, **metrics, retention=retention, curve=curve),
    )


def main() -> None:
    """Write sweeps, and print how many trials they hold as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("trials", type=int)
    given = parser.parse_args()
    print(json.dumps(write_sweeps(given.folder, given.trials)))


if __name__ == "__main__":
    main()

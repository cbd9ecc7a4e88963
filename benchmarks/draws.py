"""How the strategies of a search space differ on other draws of the built-in setups: what defaults are chosen by.

Draw d of a setup has other tables of the same recipes, and every strategy trains on it once, from seed d, in its first
configuration, in this process and without Ray. Differences from the first strategy are paired by draw, so that their
intervals hold for other tables as well as for other seeds. With `--held-back`, such a share of each train table is
without labels (`unlabelled` of its manifest): nothing learns of these rows but what a teacher says of them.
"""

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from benchmarks.record import Row, machine, save
from ray_mtlkd import setups
from ray_mtlkd.data.examples import SetupTables, as_tensors
from ray_mtlkd.data.features import Features
from ray_mtlkd.data.inputs import Array
from ray_mtlkd.report.statistics import estimate
from ray_mtlkd.setups.files import MemorySource
from ray_mtlkd.setups.synthetic import BUILT_IN, generate, manifest_of
from ray_mtlkd.setups.tables import read_setup
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import SearchSpace, read_space
from ray_mtlkd.tasks.metrics import metric_of, skill
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.evaluation.evaluate import predict_all, weighted_mean
from ray_mtlkd.training.job import Job, RelabelRequest, SoftLabels
from ray_mtlkd.training.run import train

SPACES = Path(__file__).parents[1] / "search_spaces"
_FIRST_SEED = 1000
"""Far from the seeds of the built-in setups themselves."""


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Mean skill of one run in points, at the checkpoint."""

    valid: float
    test: float


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.draws", description=__doc__)
    default = SPACES / "distilled_rows.yaml"
    parser.add_argument("--space", type=Path, default=default, help="search space of built-in setups (%(default)s)")
    parser.add_argument("--draws", type=int, default=5, help="how many, from 1 on (%(default)s)")
    parser.add_argument(
        "--held-back",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of train rows, whose labels nobody sees (%(default)s)",
    )
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    started = machine()
    space, draws = read_space(arguments.space), range(1, 3 if arguments.quick else arguments.draws + 1)
    given = {"held_back": arguments.held_back, "quick": arguments.quick}
    rows = [row for name in space.setups for row in report(name, _of_setup(space, name, draws, **given))]
    settings = {"space": arguments.space.name, "draws": len(draws), **given}
    save("draws", rows, settings=settings, started=started)


def _of_setup(
    space: SearchSpace, name: str, draws: Sequence[int], *, held_back: float, quick: bool
) -> dict[str, list[Reached]]:
    plan = Plan(space, {name: len(BUILT_IN[name])})
    found: dict[str, list[Reached]] = {}
    for draw in draws:
        for group in plan.groups:
            if group[0] != name:
                continue
            configuration = plan.replicates(group, 0)[0].configuration
            if quick:
                training = replace(configuration.training, steps=2 * configuration.training.eval_every)
                configuration = replace(configuration, training=training)
            found.setdefault(group[1], []).append(measure(name, configuration, draw=draw, held_back=held_back))
            reached = found[group[1]][-1]
            print(
                f"{name} {draw} {group[1]}: {reached.valid:.2f} on validation, {reached.test:.2f} on test", flush=True
            )
    return found


def measure(name: str, configuration: Configuration, *, draw: int, held_back: float = 0.0) -> Reached:
    """Train once on a draw of a setup, from the seed of the same number."""
    tables = tables_of(name, configuration.architecture.features, draw=draw, held_back=held_back)
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(
            Job(tables=as_tensors(tables), configuration=configuration, seed=draw),
            relabel=_inline,
            report=lambda _: None,
            storage=Storage.at(folder),
            checkpoint_every_s=float("inf"),
        )
    found: dict[str, list[float]] = {"valid": [], "test": []}
    for table, task in zip(tables.tasks, outcome.tasks, strict=True):
        perfect = metric_of(table.task).perfect
        assert task.valid is not None  # noqa: S101 - the run has ended
        assert task.test is not None  # noqa: S101 - likewise
        found["valid"].append(skill(task.valid, table.trivial_valid, perfect))
        found["test"].append(skill(task.test, table.trivial_test, perfect))
    weights = [table.task.weight for table in tables.tasks]
    return Reached(**{split: 100 * weighted_mean(skills, weights) for split, skills in found.items()})


def tables_of(name: str, features: Features, *, draw: int, held_back: float = 0.0) -> SetupTables[Array]:
    """A draw of a setup, with so large a share of each train table left without labels."""
    seed = _FIRST_SEED + 2 * draw + list(BUILT_IN).index(name)
    manifest, drawn = manifest_of(name), generate(name, seed=seed)
    if held_back:
        specs = {task: replace(spec, unlabelled="unlabelled") for task, spec in manifest.tasks.items()}
        manifest = replace(manifest, tasks=specs)
        drawn = {task: _without_labels(tables, held_back) for task, tables in drawn.items()}
    return setups.featurise(read_setup(manifest, MemorySource(name, drawn)), features)


def _without_labels(tables: Mapping[str, pa.Table], share: float) -> dict[str, pa.Table]:
    """The last rows of train, which are in no order, as a table of their own."""
    train = tables["train"]
    rows = round((1 - share) * train.num_rows)
    return {**tables, "train": train[:rows], "unlabelled": train[rows:].drop_columns("label")}


def _inline(request: RelabelRequest) -> SoftLabels:
    outputs = predict_all(request.model, request.index, request.table.train)
    return SoftLabels(outputs=outputs, where="inline", why="a benchmark")


def report(case: str, found: Mapping[str, Sequence[Reached]]) -> Iterator[Row]:
    """What each strategy reaches, and how it differs from the first."""
    first = next(iter(found))
    for split in ("valid", "test"):
        values = {name: np.array([getattr(run, split) for run in runs]) for name, runs in found.items()}
        for name, reached in values.items():
            mean = float(reached.mean())
            yield Row(case=case, what=f"{name}, {split}", figure=mean, unit="points", samples=len(reached))
        for name in [name for name in values if name != first]:
            interval = estimate(values[name] - values[first])
            yield Row(
                case=case,
                what=f"{name} - {first}, {split}",
                figure=interval.mean,
                unit="points",
                low=interval.low,
                high=interval.high,
                samples=interval.seeds,
                note="mean with its 95 % interval (Student's t)",
            )


if __name__ == "__main__":
    main()

"""What the size of the hash table costs a training step: the step of the ``bag`` encoder in tables of several sizes.

Synthetic tasks have one vocabulary, each n-gram of which has a row of its own in every table: whatever the size, a step
reads and writes the same number of rows, and all that differs is how far apart they lie in memory. With tables of a
real setup (``--data``) small hash tables have collisions, so that a step touches fewer rows of them.
"""

import argparse
import gc
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import torch

from benchmarks.record import DATA, Row, machine, sampled, save
from ray_mtlkd.data.examples import Examples, SetupTables, TaskTables, as_tensors
from ray_mtlkd.data.features import BagFeatures, Layout
from ray_mtlkd.data.inputs import Array, Bag, take
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.setups import featurise, read
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.tasks.task import Task
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import Optimization
from ray_mtlkd.training.step.trainer import Trainer

TASKS, CLASSES, ROWS, BATCH = 5, 50, 4000, 64
VOCABULARY, NGRAMS = 30_000, 80
"""Distinct n-grams of all tasks, fewer than the smallest table has rows; n-grams of a text, as in ``intents``."""
SMALL, LARGE = 2**15, 2**20
BUCKETS = (2**15, 2**16, 2**20)
"""Of the real tables; each has two such parts, of words and of letters."""
BALANCERS = ("sum", "pcgrad")
SETTINGS: Mapping[str, Mapping[str, object]] = {
    "plain": {},
    "clip_norm": {"clip_norm": 1.0},
    "accumulation": {"accumulation": 2},
    "bf16": {"precision": "bf16"},
}
GOAL = 1.1


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds intents/ (%(default)s)")
    parser.add_argument("--blocks", type=int, default=15, help="measurements of each kind")
    parser.add_argument("--steps", type=int, default=10, help="steps of a measurement")
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.blocks, arguments.steps = 2, 2
    torch.set_num_threads(1)
    started = machine()
    pace = Pace(blocks=arguments.blocks, steps=arguments.steps)
    settings = {"plain": {}} if arguments.quick else SETTINGS
    rows = [*memory(pace), *synthetic(pace, settings)]
    if not (arguments.data / "intents").is_dir():
        print(f"real tables are left out: no intents/ in {arguments.data} (--data names the folder)")
    else:
        rows += real(pace, arguments.data, BUCKETS[:2] if arguments.quick else BUCKETS)
    save("sparse_step", rows, settings={"blocks": arguments.blocks, "steps": arguments.steps}, started=started)


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often to measure: so many blocks of so many steps."""

    blocks: int
    steps: int

    def interleaved(self, runs: Mapping[str, Callable[[], object]]) -> dict[str, list[float]]:
        """CPU seconds of one call [blocks] of each of the runs, block after block in turn."""
        for run in runs.values():
            for _ in range(self.steps):
                run()
        found: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(self.blocks):
            for name, run in runs.items():
                begin = time.process_time()
                for _ in range(self.steps):
                    run()
                found[name].append((time.process_time() - begin) / self.steps)
        return found


def synthetic(pace: Pace, settings: Mapping[str, Mapping[str, object]]) -> Iterator[Row]:
    """Steps in a large table over steps in a small one, with every balancer and setting."""
    tables = {_power(size): vocabulary_in(size) for size in (SMALL, LARGE)}
    for balancer in BALANCERS:
        for setting, values in settings.items():
            yield from compare(pace, f"synthetic, {balancer}, {setting}", balancer, values, tables, goal=GOAL)


def real(pace: Pace, folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Steps on the setup ``intents``."""
    raw = read("intents", data_dir=folder)
    tables = {f"2 x {_power(size)}": as_tensors(featurise(raw, BagFeatures(buckets=size))) for size in sizes}
    for balancer in BALANCERS:
        yield from compare(pace, f"intents, {balancer}, clip_norm", balancer, {"clip_norm": 1.0}, tables, goal=None)


def memory(pace: Pace) -> Iterator[Row]:
    """What memory takes, whoever asks: a step's rows of a parameter and of both its moments, read and written back."""
    runs = {_power(size): reader(size) for size in (SMALL, LARGE)}
    costs = pace.interleaved(runs)
    case = f"memory: 3 tables, {BagOfNgrams().hidden[0]} wide"
    for name, cost in costs.items():
        yield sampled(case, f"rows of a step, {name}", [1e3 * seconds for seconds in cost], "ms")
    small, large = costs.values()
    ratios = [far / near for near, far in zip(small, large, strict=True)]
    yield sampled(case, f"rows of a step, {_power(LARGE)} over {_power(SMALL)}", ratios, "x")


def reader(buckets: int) -> Callable[[], None]:
    """Reads and writes the rows of a step, and of another one at each call."""
    tables = [torch.randn(buckets, BagOfNgrams().hidden[0]) for _ in range(3)]
    train = [task.train for task in vocabulary_in(buckets).tasks]
    draw = torch.Generator().manual_seed(1)
    batches = [
        torch.cat([take(each.inputs, torch.randint(ROWS, (BATCH,), generator=draw)).ids for each in train]).unique()
        for _ in range(50)
    ]
    turn = cycle(batches)

    def run() -> None:
        rows = next(turn)
        for table in tables:
            table.index_copy_(0, rows, table.index_select(0, rows))

    return run


def compare(
    pace: Pace,
    case: str,
    balancer: str,
    values: Mapping[str, object],
    tables: Mapping[str, SetupTables[torch.Tensor]],
    *,
    goal: float | None,
) -> Iterator[Row]:
    """A step's CPU time by table, the smallest first, and what the others take over it."""
    trainers = {name: trainer(of, balancer, values) for name, of in tables.items()}
    touched = {name: rows_touched(each) for name, each in trainers.items()}
    costs = pace.interleaved({name: stepper(each) for name, each in trainers.items()})
    smallest, *others = costs
    for name, cost in costs.items():
        figures = [1e3 * seconds for seconds in cost]
        yield sampled(case, f"step, {name} rows", figures, "ms", note=f"{touched[name]:.0f} distinct rows a step")
    for name in others:
        ratios = [large / small for large, small in zip(costs[name], costs[smallest], strict=True)]
        bound = None if goal is None else ("at most", goal)
        yield sampled(case, f"step, {name} over {smallest} rows", ratios, "x", goal=bound)
    del trainers
    gc.collect()


def trainer(tables: SetupTables[torch.Tensor], balancer: str, values: Mapping[str, object]) -> Trainer:
    """A trainer of the search space ``intents``."""
    training = Optimization(**{"steps": 1000, "batch_size": BATCH, "lr": 2e-3, **values})
    strategy = decode_strategy({"balancer": balancer}, where="strategy")
    configuration = Configuration(
        strategy=strategy, architecture=Architecture(encoder=BagOfNgrams()), training=training
    )
    return Trainer(Job(tables=tables, configuration=configuration, seed=1))


def stepper(of: Trainer) -> Callable[[], object]:
    """A step of all tasks."""
    return lambda: of.step(range(TASKS), soft={}, share=0.5)


def rows_touched(of: Trainer, steps: int = 5) -> float:
    """Mean number of distinct rows of the hash tables that a step reads and writes."""
    seen: list[torch.Tensor] = []
    hooks = [
        module.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        for module in of.model.modules()
        if isinstance(module, torch.nn.EmbeddingBag)
    ]
    counts = []
    for _ in range(steps):
        seen.clear()
        stepper(of)()
        counts.append(len(torch.cat(seen).unique()))
    for hook in hooks:
        hook.remove()
    return statistics.mean(counts)


def vocabulary_in(buckets: int) -> SetupTables[torch.Tensor]:
    """Five tasks over one vocabulary; the same but for the rows that its n-grams have in the hash table.

    Words are as frequent as in a language: the k-th has a share of 1 / k (Zipf 1949).
    """
    places = np.random.default_rng(1).choice(buckets, VOCABULARY, replace=False)
    return as_tensors(SetupTables("synthetic", tuple(_task(at, places, buckets) for at in range(TASKS)), f"{buckets}"))


def _task(at: int, places: Array, buckets: int) -> TaskTables[Array]:
    rng = np.random.default_rng([2, at])
    shares = 1.0 / np.arange(1, VOCABULARY + 1)
    drawn = rng.choice(VOCABULARY, (ROWS, NGRAMS), p=shares / shares.sum())
    offsets = np.arange(0, ROWS * NGRAMS + 1, NGRAMS)
    weights = np.full(ROWS * NGRAMS, NGRAMS**-0.5, np.float32)
    labels = rng.integers(0, CLASSES, ROWS)
    examples = Examples(Bag(places[drawn].flatten(), weights, offsets), labels, np.arange(ROWS))
    classes = tuple(f"c{number}" for number in range(CLASSES))
    task = Task(name=f"task{at}", kind="multiclass", metric="accuracy", classes=classes, prior=(1 / CLASSES,) * CLASSES)
    layout = Layout(form="Bag", buckets=buckets)
    return TaskTables(task, layout, examples, examples, examples, 0.0, 0.0)


def _power(size: int) -> str:
    return f"2^{size.bit_length() - 1}"


if __name__ == "__main__":
    main()

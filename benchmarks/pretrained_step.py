"""What a training step costs where some layers of a pretrained encoder train, over one where all do, and the states.

Real tables and a real tokenizer, whose sequences have the lengths that they have; the plain sum, CPU time of one
thread; each variant takes a step in every round. Beside each ratio stands what the number of layers predicts: a pass
through a layer is one unit, and its backward pass two. States of the layers below are computed once a sweep: how many
pieces of text a core reads in a second, and so what all of them take.
"""

import argparse
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from benchmarks.record import DATA, Row, machine, sampled, save
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.sweep.held_states import PendingStates
from ray_mtlkd.sweep.prepare import Prepared, prepare
from ray_mtlkd.sweep.space import decode_space
from ray_mtlkd.sweep.state_work import StatePart, StateWork
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.step.trainer import Trainer

FULL = "all"
VARIANTS = {
    FULL: {"train": "all"},
    "all, activations computed again": {"train": "all", "gradient_checkpointing": True},
    "top-2, states known": {"train": "top-2"},
    "top-2, states computed in the step": {"train": "top-2", "states": "none"},
    "top-1, states known": {"train": "top-1"},
    "none, states known": {"train": "none"},
}
LAYERS = 6
"""Of the encoder, unless ``--layers`` says otherwise."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained_step", description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="folder of a pretrained encoder")
    parser.add_argument("--layers", type=int, default=LAYERS, help="that it has (%(default)s)")
    parser.add_argument("--setup", default="intents", help="name or manifest (%(default)s)")
    parser.add_argument("--batch-size", type=int, default=32, help="rows of each task (%(default)s)")
    parser.add_argument("--max-length", type=int, default=64, help="pieces kept of a row (%(default)s)")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with a folder for each setup (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="a step each, to see that everything runs")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    started, rounds = machine(), 1 if given.quick else 10
    encoder = {"name": "hf", "path": str(given.encoder.absolute()), "max_length": given.max_length}
    prepared = _prepared(encoder, given.setup, given.data, batch_size=given.batch_size)
    jobs = _jobs(prepared)
    trainers = {name: Trainer(job) for name, job in jobs.items()}
    rows = list(_rows(_interleaved(trainers, rounds=rounds), layers=given.layers))
    rows += [_filled(pending, parts=1 if given.quick else 8) for pending in prepared.pending.values()]
    settings = {
        "quick": given.quick,
        "rounds": rounds,
        "setup": given.setup,
        "batch_size": given.batch_size,
        "max_length": given.max_length,
    }
    save("pretrained_step", rows, settings=settings, started=started)


def _prepared(encoder: Mapping[str, object], setup: str, data: Path, *, batch_size: int) -> Prepared:
    """A search space with a strategy a variant."""
    space = decode_space(
        {
            "name": "steps",
            "setups": [setup],
            "encoder": "bag",
            "strategies": [
                {"name": "sum", "label": name, "encoder": {**encoder, **own}} for name, own in VARIANTS.items()
            ],
            "training": {"steps": 100, "batch_size": batch_size, "eval_every": 100},
            "search": {"configurations": 1},
        },
        where="steps",
    )
    return prepare(space, data_dir=data, compute=False)


def _jobs(prepared: Prepared) -> dict[str, Job]:
    """A job a variant. States that are known are zeros here: what they are makes no step longer."""
    jobs: dict[str, Job] = {}
    for trial in prepared.plan.distinct():
        tables = as_tensors(prepared.of(trial))
        jobs.setdefault(trial.strategy, Job(tables=tables, configuration=trial.configuration, seed=1))
    return jobs


def _interleaved(trainers: dict[str, Trainer], *, rounds: int) -> dict[str, list[float]]:
    """Seconds of CPU time of each one's steps, after one that does not count [rounds]."""
    order, shuffle = list(trainers), random.Random(0).shuffle  # noqa: S311 - no secret
    seconds: dict[str, list[float]] = {name: [] for name in order}
    for _ in range(1 + rounds):
        shuffle(order)
        for name in order:
            start = time.process_time()
            trainers[name].step(range(trainers[name].model.num_tasks), soft={}, share=0.5)
            seconds[name].append(time.process_time() - start)
    return {name: taken[1:] for name, taken in seconds.items()}


def _rows(seconds: dict[str, list[float]], *, layers: int) -> Iterator[Row]:
    full = seconds[FULL]
    yield sampled("step", FULL, [1e3 * each for each in full], "ms a step")
    for name, taken in seconds.items():
        if name != FULL:
            yield sampled("step", name, [mine / all_ for mine, all_ in zip(taken, full, strict=True)], "x all")
            predicted = _units(VARIANTS[name], layers=layers) / _units(VARIANTS[FULL], layers=layers)
            yield Row(case="by the number of layers", what=name, figure=predicted, unit="x all")


def _filled(pending: PendingStates, *, parts: int) -> Row:
    """What a core computes of some states, part by part."""
    work, layers = pending.work, pending.work.layers()
    every = list(work.parts())
    speeds = []
    for part in every[:: -(-len(every) // parts)]:
        start = time.process_time()
        work.computed(layers, part)
        speeds.append(_pieces(work, part) / (time.process_time() - start))
    pieces = sum(_pieces(work, part) for part in every)
    whole_s = pieces / statistics.median(speeds)
    what = f"states below {pending.size.trained} trained layers" if pending.size.trained else "vectors, none trains"
    said = f"{pieces:,} pieces, {work.bytes / 1e6:,.0f} MB: {whole_s:.0f} s of a core".replace(",", " ")
    return sampled("filling the cache", what, speeds, "pieces a CPU second", note=said)


def _pieces(work: StateWork, part: StatePart) -> int:
    """Of a part's texts."""
    offsets = work.sides[part.side][0].offsets
    return int(offsets[part.stop] - offsets[part.start])


def _units(variant: dict[str, object], *, layers: int) -> float:
    """Passes through a layer that a step takes, a backward pass being two."""
    train = str(variant["train"])
    trained = layers if train == "all" else 0 if train == "none" else int(train.removeprefix("top-"))
    held = layers - trained if variant.get("states") == "none" else 0
    again = trained if variant.get("gradient_checkpointing") else 0
    return held + 3 * trained + again


if __name__ == "__main__":
    main()

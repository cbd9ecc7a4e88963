"""What a training step costs with every strategy, beside a bare PyTorch loop and beside LibMTL and TorchJD.

Every contender learns the same model from the same start, on the same rows in the same order; a step gathers its rows
from tables in memory. One thread; CPU time; the contenders take turns. `ray_mtlkd` is its own training loop, which
draws the row numbers by itself; the others are handed them.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.record import DATA, Row, machine, save
from benchmarks.step.contenders import BARE, CONTENDERS, SHARE, STREAMED
from benchmarks.step.interleave import TURN, interleave
from benchmarks.step.memory import peak_bytes, shared_parameters
from benchmarks.step.ours import SteppedLoop
from benchmarks.step.overhead import overhead
from benchmarks.step.problem import Size, problem
from ray_mtlkd import setups
from ray_mtlkd.data.examples import as_tensors
from ray_mtlkd.models.architecture import Architecture
from ray_mtlkd.models.encoders.bag import BagOfNgrams
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.training.configuration import Configuration
from ray_mtlkd.training.job import Job
from ray_mtlkd.training.settings import Convergence, Optimization
from ray_mtlkd.training.step.batches import BATCHES_AHEAD

PCGRADS = {
    "ray_mtlkd pcgrad": "ray_mtlkd sum",
    "LibMTL PCGrad": "LibMTL EW",
    "TorchJD PCGrad": "TorchJD Sum",
    "TorchJD PCGrad, one by one": "TorchJD Sum",
}
"""And the plain sum of the same package."""
CASES: tuple[tuple[Size, tuple[str, ...]], ...] = (
    (Size(tasks=5, shared=False), tuple(CONTENDERS)),
    (Size(tasks=10, shared=False), (BARE, "ray_mtlkd sum", "ray_mtlkd gradnorm", *PCGRADS)),
    (Size(tasks=2, shared=False), (BARE, "ray_mtlkd pcgrad")),
    (Size(tasks=20, shared=False), (BARE, "ray_mtlkd pcgrad")),
    (Size(tasks=5, shared=True), tuple(CONTENDERS)),
)
GOALS: Mapping[tuple[str, int, str], float] = {
    ("multi-input", 5, "ray_mtlkd sum"): 0.95,
    ("multi-input", 5, "ray_mtlkd uncertainty"): 0.95,
    ("multi-input", 5, "ray_mtlkd gradnorm"): 1.10,
    ("multi-input", 5, "ray_mtlkd pcgrad"): 1.10,
    ("multi-input", 10, "ray_mtlkd pcgrad"): 1.20,
    ("single-input", 5, "ray_mtlkd sum"): 0.80,
    ("single-input", 5, "ray_mtlkd uncertainty"): 0.80,
    ("single-input", 5, "ray_mtlkd gradnorm"): 1.5,
    ("single-input", 5, "ray_mtlkd pcgrad"): 2.2,
}
"""Times the bare loop, at most; by rows, T and contender."""
LARGEST_OVERHEAD = 5.0
"""Percent of a step."""
LARGEST_MATRIX = 1.0
"""Peak memory beyond the plain sum, in matrices of T x P floats."""
EVERY = BATCHES_AHEAD
"""Steps between two evaluations where overhead is measured: each task's rows are gathered once meanwhile."""
FIRST_EVALUATIONS = 2
"""Of these that do not count."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is measured.

    Attributes:
        turns: Timed turns of each contender.
        warmup: Turns before these.
        evaluations: Of a run whose overhead is measured.
        wide: Width of both shared layers where memory is measured.
        hungry: Contenders whose memory is measured.
        smaller: What is smaller than in the cases; goals are for those alone.
    """

    turns: int = 15
    warmup: int = 1
    evaluations: int = 30
    wide: int = 2048
    hungry: tuple[str, ...] = tuple(PCGRADS)
    smaller: Mapping[str, Any] = field(default_factory=dict)


QUICK = Effort(
    turns=1,
    warmup=1,
    evaluations=4,
    wide=256,
    hungry=("ray_mtlkd pcgrad",),
    smaller={"rows": 500, "batch_size": 32, "hidden": (32, 32)},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds intents/ (%(default)s)")
    given = parser.parse_args(arguments)
    effort = QUICK if given.quick else Effort()
    torch.set_num_threads(1)
    started = machine()
    for package in sorted({entry.package for entry in CONTENDERS.values() if not entry.installed}):
        print(f"{package} is left out: it is not installed (make bench installs it)")
    rows = [*_times(effort), *_overheads(effort, given.data), *_memory(effort)]
    if effort.smaller:
        rows = [replace(row, goal=None) for row in rows]
    save("step_cost", rows, settings={"quick": given.quick, "turn": TURN, **asdict(effort)}, started=started)


def _times(effort: Effort) -> Iterator[Row]:
    """Each contender's turns over the bare loop's of the same rounds; the bare loop's own in ms a step."""
    for base, names in CASES:
        size = replace(base, **effort.smaller)
        case = f"{size.sort}, T={size.tasks}"
        print(f"step cost: {case}", flush=True)
        learned = problem(size, steps=(effort.warmup + effort.turns) * TURN)
        contenders = {name: CONTENDERS[name].make(learned) for name in names if CONTENDERS[name].installed}
        seconds = interleave(contenders, turns=effort.turns, warmup=effort.warmup)
        bare = seconds.pop(BARE)
        yield _row(case, BARE, [1e3 * taken / TURN for taken in bare], unit="ms a step", note=CONTENDERS[BARE].note)
        for name, taken in seconds.items():
            ratios = [mine / plain for mine, plain in zip(taken, bare, strict=True)]
            largest = GOALS.get((size.sort, size.tasks, name))
            yield _row(case, name, ratios, unit="x bare loop", largest=largest, note=CONTENDERS[name].note)


def _overheads(effort: Effort, data: Path) -> Iterator[Row]:
    """What the loop itself takes of a step."""
    steps = EVERY * (FIRST_EVALUATIONS + effort.evaluations)
    for shared in (False, True):
        size = replace(Size(tasks=5, shared=shared), **effort.smaller)
        job = SteppedLoop(problem(size, steps=0), "sum").job
        training = replace(job.configuration.training, steps=steps, eval_every=EVERY)
        job = replace(job, configuration=replace(job.configuration, training=training))
        yield from _shares(f"loop overhead, {size.sort}, T=5", job, largest=None if shared else LARGEST_OVERHEAD)
    if (data / "intents").is_dir():
        yield from _shares("loop overhead, intents, T=5", _intents(data, steps), largest=LARGEST_OVERHEAD)
    else:
        print(f"the loop's overhead on intents is left out: no intents/ in {data} (--data names the folder)")


def _intents(data: Path, steps: int) -> Job:
    """The real tables, read by the model and in batches of the size that `search_spaces/intents.yaml` names."""
    encoder = BagOfNgrams()
    tables = setups.featurise(setups.read("intents", data_dir=data), encoder.features)
    training = Optimization(steps=steps, batch_size=64, eval_every=EVERY, clip_norm=1.0, warmup=0.05)
    configuration = Configuration(
        strategy=decode_strategy("sum", where="strategy"), architecture=Architecture(encoder=encoder), training=training
    )
    return Job(tables=as_tensors(tables), configuration=configuration, seed=1)


def _shares(case: str, job: Job, *, largest: float | None) -> Iterator[Row]:
    print(case, flush=True)
    patient = replace(job.configuration, convergence=Convergence(patience=job.configuration.training.steps))
    spent = overhead(replace(job, configuration=patient), warmup=FIRST_EVALUATIONS)
    shares = [100 * each.overhead for each in spent]
    drawing = [100 * each.drawing for each in spent]
    rest = [whole - part for whole, part in zip(shares, drawing, strict=True)]
    unit = "% of a step"
    note = f"all but forward, backward and optimizer; each sample is of {EVERY} steps of a real run"
    yield _row(case, "ray_mtlkd sum", shares, unit=unit, largest=largest, note=note)
    yield _row(case, "of it, drawing", drawing, unit=unit, note="sampling row numbers, gathering inputs")
    yield _row(case, "of it, the rest", rest, unit=unit, note="weights, checks, meters, bookkeeping, the stopwatch")


def _memory(effort: Effort) -> Iterator[Row]:
    """Peak memory that each PCGrad takes beyond the plain sum of the same package, in matrices of T x P floats.

    One process each: at 2048 units they repeat to within 0.005 matrices.
    """
    wide = Size(tasks=5, shared=False, hidden=(effort.wide, effort.wide), rows=512)
    yield from _peaks(f"{effort.wide} units", wide, {name: PCGRADS[name] for name in effort.hungry})
    deep = replace(wide, hidden=(effort.wide // 2,) * 8)
    yield from _peaks(f"8 layers of {effort.wide // 2}", deep, {STREAMED: "ray_mtlkd sum"}, largest=1.2 * SHARE)


def _peaks(what: str, size: Size, pairs: Mapping[str, str], *, largest: float = LARGEST_MATRIX) -> Iterator[Row]:
    """Of some contenders, each beyond another one."""
    case = f"peak memory, multi-input, T=5, {what}"
    print(case, flush=True)
    matrix = 4 * size.tasks * shared_parameters(size)
    pairs = {name: plain for name, plain in pairs.items() if CONTENDERS[name].installed}
    peaks = {name: peak_bytes(name, size, steps=4) for name in dict.fromkeys([*pairs, *pairs.values()])}
    for name, plain in pairs.items():
        beyond = (peaks[name] - peaks[plain]) / matrix
        goal = largest if CONTENDERS[name].package == "ray_mtlkd" else None
        note = f"beyond {plain}, each in fresh processes; T P floats are {matrix / 2**20:.0f} MiB"
        yield _row(case, name, [beyond], unit="x T P floats", largest=goal, note=note)


def _row(
    case: str, what: str, samples: Sequence[float], *, unit: str, largest: float | None = None, note: str = ""
) -> Row:
    low, middle, high = np.quantile(samples, [0.25, 0.5, 0.75]).tolist()
    several = len(samples) > 1
    return Row(
        case=case,
        what=what,
        figure=middle,
        unit=unit,
        low=low if several else None,
        high=high if several else None,
        samples=len(samples),
        goal=None if largest is None else ("at most", largest),
        note=note,
    )


if __name__ == "__main__":
    main()

"""What every balancer adds to a training step over the plain sum, its arithmetic alone, Gramians, and how tasks agree.

Steps are those of `benchmarks.step_cost`: five tasks with rows of their own, or with the same rows, one model, CPU
time, one thread, the balancers take turns. Their ratios become the package's own `step_costs.json`, which `ray-mtlkd
strategies` shows. The arithmetic is `weigh` on Gramians of drawn gradients that conflict. Gramians are compared with
one float32 product. Cosines and affinities are what a run makes of a turn's Gramians at an evaluation, beside the same
loop that makes nothing of them.
"""

import argparse
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ray_mtlkd.cli
from benchmarks.record import Row, machine, sampled, save
from benchmarks.step.interleave import TURN, interleave
from benchmarks.step.ours import SteppedLoop
from benchmarks.step.problem import Size, problem
from ray_mtlkd.cli.step_costs import FILE
from ray_mtlkd.serial import dumps
from ray_mtlkd.strategies import FAMILIES, decode_strategy
from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.step_costs import StepCosts
from ray_mtlkd.training.step.inner_products import inner_products
from ray_mtlkd.training.step.step_means import StepMeans

PLAIN = "sum"
NAMES = (
    *(name for name in OWN_BALANCERS if name not in FAMILIES),
    "smooth:mgda",
    "normalised:mgda",
    *(("torchjd:MGDA", "torchjd:UPGrad") if find_spec("torchjd") else ()),
)
COUNTS = (5, 20)
"""Tasks of which the arithmetic and the agreement are measured."""
MEASURED = "pcgrad"
"""A balancer that reads a Gramian."""
WIDTHS = (100_000, 1_000_000)
"""Shared parameters of which Gramians are measured."""
COSTS = Path(ray_mtlkd.cli.__path__[0]) / FILE


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    quick = parser.parse_args(arguments).quick
    torch.set_num_threads(1)
    started, turns, calls = machine(), 1 if quick else 15, 5 if quick else 200
    size = (
        Size(tasks=5, shared=False, hidden=(32, 32), batch_size=32, rows=500) if quick else Size(tasks=5, shared=False)
    )
    steps = {shared: list(_steps(replace(size, shared=shared), turns=turns)) for shared in (False, True)}
    rows = [
        *steps[False],
        *steps[True],
        *_arithmetic(calls=calls),
        *_gramians(turns=turns),
        *_agreements(size, turns=turns),
    ]
    save(
        "balancer_cost", rows, settings={"quick": quick, "turn": TURN, "turns": turns, "calls": calls}, started=started
    )
    if not quick:
        costs = StepCosts(
            measured=_conditions(size, started), own_rows=_ratios(steps[False]), shared_rows=_ratios(steps[True])
        )
        COSTS.write_text(dumps(costs, indent=1) + "\n")


def _conditions(size: Size, started: Mapping[str, Any]) -> str:
    return (
        f"{size.tasks} tasks, batches of {size.batch_size}, hidden layers of {' and '.join(map(str, size.hidden))} "
        f"units, CPU time of one thread, {started['processor']}, {started['cores']} cores, "
        f"load {started['load_at_start']:.1f}"
    )


def _ratios(rows: Sequence[Row]) -> dict[str, float]:
    return {row.what: 1.0 if row.what == PLAIN else round(row.figure, 3) for row in rows}


def _strategy(name: str, *, tasks: int) -> str | Mapping[str, Any]:
    """A balancer as a search space describes it: ``static`` must be told its weights."""
    return {"name": name, "balancer": {"weights": [1.0] * tasks}} if name == "static" else name


def _steps(size: Size, *, turns: int) -> Iterator[Row]:
    """Each balancer's turns over those of the plain sum in the same rounds."""
    learned, case = problem(size, steps=(turns + 1) * TURN), f"step, {size.sort}, T={size.tasks}"
    loops = {name: SteppedLoop(learned, _strategy(name, tasks=size.tasks)) for name in NAMES}
    seconds = interleave(loops, turns=turns, warmup=1)
    plain = seconds.pop(PLAIN)
    yield sampled(case, PLAIN, [1e3 * taken / TURN for taken in plain], "ms a step")
    for name, taken in seconds.items():
        ratios = [mine / sums for mine, sums in zip(taken, plain, strict=True)]
        yield sampled(case, name, ratios, "x sum")


def _arithmetic(*, calls: int) -> Iterator[Row]:
    for count in COUNTS:
        for name in NAMES:
            balancer = decode_strategy(_strategy(name, tasks=count), where="").balancer
            state, taken = balancer.init(count), []
            for signals in _drawn(count, calls):
                start = time.process_time()
                _, state = balancer.weigh(signals, state)
                taken.append(1e6 * (time.process_time() - start))
            yield sampled(f"weigh alone, T={count}", name, taken, "us")


def _gramians(*, turns: int) -> Iterator[Row]:
    """Of gradients of which the last is minus the sum of the others: error of the cosines, and time."""
    for count, width in product(COUNTS, WIDTHS):
        rows = torch.randn(count, width, generator=torch.Generator().manual_seed(0))
        rows[-1] = -rows[:-1].sum(0)
        exact = rows.double() @ rows.double().T
        lengths = exact.diag().sqrt()
        ways = {"one float32 product": lambda rows=rows: rows @ rows.T, "ours": lambda rows=rows: inner_products(rows)}
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(turns):
            for name, way in ways.items():
                start = time.process_time()
                way()
                taken[name].append(time.process_time() - start)
        for name, way in ways.items():
            error = ((way() - exact).abs() / lengths / lengths[:, None]).max().item()
            yield Row(case=f"Gramian, T={count}, P={width}", what=name, figure=error, unit="of a cosine")
        ratios = [mine / theirs for mine, theirs in zip(taken["ours"], taken["one float32 product"], strict=True)]
        yield sampled(f"Gramian, T={count}, P={width}", "ours, time", ratios, "x one product")


class _Evaluated(SteppedLoop):
    """A loop that is evaluated after each turn, as far as its Gramians go.

    Args:
        size: Of the problem.
        turns: Of all.
        agrees: Whether anything is made of them.
    """

    def __init__(self, size: Size, *, turns: int, agrees: bool) -> None:
        super().__init__(problem(size, steps=turns * TURN), MEASURED)
        self._count = size.tasks if agrees else 0

    def step(self, at: int) -> None:
        """One step, and what follows a turn's last."""
        super().step(at)
        if (at + 1) % TURN == 0:
            if self._count:
                self._meters.agreement(self._count)
            self._meters = StepMeans()


def _agreements(size: Size, *, turns: int) -> Iterator[Row]:
    for count in COUNTS:
        sized = replace(size, tasks=count)
        loops = {name: _Evaluated(sized, turns=turns + 1, agrees=name == "with") for name in ("with", "without")}
        seconds = interleave(loops, turns=turns, warmup=1)
        ratios = [mine / plain for mine, plain in zip(seconds["with"], seconds["without"], strict=True)]
        yield sampled(f"cosines and affinities, T={count}", MEASURED, ratios, "x without")


def _drawn(count: int, calls: int) -> Iterator[Signals]:
    rng = np.random.default_rng(0)
    for at in range(calls):
        gradients = rng.standard_normal((count, 64)) + rng.standard_normal(64) * rng.choice((-1, 1), (count, 1))
        gram = gradients @ gradients.T
        yield Signals(
            tasks=tuple(range(count)),
            losses=tuple(rng.uniform(0.1, 1.0, count).tolist()),
            regression=(False,) * count,
            skills=(0.5,) * count,
            norms=tuple(np.sqrt(np.diag(gram)).tolist()),
            gram=tuple(map(tuple, gram.tolist())),
            rng=random.Random(at),  # noqa: S311 - no secret
        )


if __name__ == "__main__":
    main()

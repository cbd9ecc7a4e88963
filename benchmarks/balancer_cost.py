"""What every balancer adds to a training step over the plain sum, its arithmetic alone, and how tasks agree.

Steps are those of `benchmarks.step_cost`: five tasks with rows of their own, one model, CPU time, one thread, the
balancers take turns. The arithmetic is `weigh` on Gramians of drawn gradients that conflict. Cosines and affinities
are what a run makes of a turn's Gramians at an evaluation, beside the same loop that makes nothing of them.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import torch

from benchmarks.record import Row, machine, sampled, save
from benchmarks.step.interleave import TURN, interleave
from benchmarks.step.ours import SteppedLoop
from benchmarks.step.problem import Size, problem
from ray_mtlkd.strategies import FAMILIES, decode_strategy
from ray_mtlkd.strategies.balancers import OWN_BALANCERS
from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.training.step.step_means import StepMeans

PLAIN = "sum"
NAMES = (
    *(name for name in OWN_BALANCERS if name not in {"static", *FAMILIES}),
    "smooth:mgda",
    "normalised:mgda",
    *(("torchjd:MGDA", "torchjd:UPGrad") if find_spec("torchjd") else ()),
)
COUNTS = (5, 20)
"""Tasks of which the arithmetic and the agreement are measured."""
MEASURED = "pcgrad"
"""A balancer that reads a Gramian."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    quick = parser.parse_args(arguments).quick
    torch.set_num_threads(1)
    started, turns, calls = machine(), 1 if quick else 7, 5 if quick else 200
    size = (
        Size(tasks=5, shared=False, hidden=(32, 32), batch_size=32, rows=500) if quick else Size(tasks=5, shared=False)
    )
    rows = [*_steps(size, turns=turns), *_arithmetic(calls=calls), *_agreements(size, turns=turns)]
    save(
        "balancer_cost", rows, settings={"quick": quick, "turn": TURN, "turns": turns, "calls": calls}, started=started
    )


def _steps(size: Size, *, turns: int) -> Iterator[Row]:
    """Each balancer's turns over those of the plain sum in the same rounds."""
    learned = problem(size, steps=(turns + 1) * TURN)
    seconds = interleave({name: SteppedLoop(learned, name) for name in NAMES}, turns=turns, warmup=1)
    plain = seconds.pop(PLAIN)
    yield sampled("step, multi-input, T=5", PLAIN, [1e3 * taken / TURN for taken in plain], "ms a step")
    for name, taken in seconds.items():
        ratios = [mine / sums for mine, sums in zip(taken, plain, strict=True)]
        yield sampled("step, multi-input, T=5", name, ratios, "x sum")


def _arithmetic(*, calls: int) -> Iterator[Row]:
    for count in COUNTS:
        for name in NAMES:
            balancer = decode_strategy(name, where="").balancer
            state, taken = balancer.init(count), []
            for signals in _drawn(count, calls):
                start = time.process_time()
                _, state = balancer.weigh(signals, state)
                taken.append(1e6 * (time.process_time() - start))
            yield sampled(f"weigh alone, T={count}", name, taken, "us")


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

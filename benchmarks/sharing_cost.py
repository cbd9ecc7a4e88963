"""What a training step costs under every way of sharing, over hard sharing, and how many parameters there are.

Steps are those of `benchmarks.step_cost`: five tasks, each way of sharing as it is unless told, the plain sum; CPU
time, one thread, the ways of sharing take turns.
"""

import argparse
from collections.abc import Iterator, Sequence

import torch

from benchmarks.record import Row, machine, sampled, save
from benchmarks.step.interleave import TURN, interleave
from benchmarks.step.ours import SteppedLoop
from benchmarks.step.problem import Size, problem
from ray_mtlkd.models.sharing import OWN_SHARING, HardSharing

PLAIN = HardSharing.name


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print a table, write a JSON file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small and few, to see that everything runs")
    quick = parser.parse_args(arguments).quick
    torch.set_num_threads(1)
    started, turns = machine(), 1 if quick else 5
    smaller = {"hidden": (32, 32), "batch_size": 32, "rows": 500} if quick else {}
    sizes = [Size(tasks=5, shared=shared, **smaller) for shared in (False, True)]
    rows = [row for size in sizes for row in _steps(size, turns=turns)]
    save("sharing_cost", rows, settings={"quick": quick, "turn": TURN, "turns": turns}, started=started)


def _steps(size: Size, *, turns: int) -> Iterator[Row]:
    """Each way's turns over those of hard sharing in the same rounds."""
    learned, case = problem(size, steps=(turns + 1) * TURN), f"step, {size.sort}, T=5"
    loops = {config.name: SteppedLoop(learned, "sum", sharing=config()) for config in OWN_SHARING}
    counts = {name: sum(p.numel() for p in loop.parameters()) for name, loop in loops.items()}
    seconds = interleave(loops, turns=turns, warmup=1)
    plain = seconds[PLAIN]
    yield sampled(case, PLAIN, [1e3 * taken / TURN for taken in plain], "ms a step")
    for name, taken in seconds.items():
        if name != PLAIN:
            ratios = [mine / hard for mine, hard in zip(taken, plain, strict=True)]
            yield sampled(case, name, ratios, "x hard")
            yield Row(
                case=f"parameters, {size.sort}, T=5", what=name, figure=counts[name] / counts[PLAIN], unit="x hard"
            )


if __name__ == "__main__":
    main()

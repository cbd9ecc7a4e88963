"""What the driver spends a trial on its plan and on how far it is, in sweeps of some hundred to ten thousand trials.

Nothing runs: trials end as soon as their turn has come, as many being under way at a time as a cluster has CPUs. What
Ray and Ray Tune take for a trial is not in here (``soak`` has it), nor is what a terminal shows.
"""

import argparse
import itertools
import time
from types import SimpleNamespace
from typing import Any

import numpy as np

from benchmarks.record import Row, machine, sampled, save
from ray_mtlkd.sweep.callback import StatusCallback
from ray_mtlkd.sweep.losses import Losses
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.space import decode_space

STRATEGIES, SEEDS = ("sum", "gradnorm", "joint_kd"), (1, 2)
SIZES = (600, 2_000, 10_000)
AT_A_TIME = (2, 1_600)
GROWTH = 2.0
"""At most: a trial of the largest sweep over one of the smallest."""


def cost_ms(trials: int, *, at_a_time: int) -> tuple[int, float]:
    """How many trials there were, and what the driver has spent on one of them."""
    configurations = -(-trials // len(STRATEGIES)) - len(SEEDS)
    value = {
        "name": "planned",
        "setups": ["similar"],
        "encoder": {"name": "mlp", "hidden": [16]},
        "training": {"steps": 20, "eval_every": 20, "lr": {"loguniform": [1e-3, 1e-2]}},
        "strategies": list(STRATEGIES),
        "search": {"configurations": configurations},
        "replicate": {"configurations": 1, "seeds": list(SEEDS)},
    }
    plan = Plan(decode_space(value, where="planning"), {"similar": 5})
    chance, numbers = np.random.default_rng(0), itertools.count()
    started = time.process_time()
    searcher = PlanSearcher(
        plan, finished={}, losses=Losses(say=_unheard), on_lost=lambda *_: None, on_let_go=lambda _: None
    )
    told = StatusCallback(searcher, tell=_unheard)
    running: list[Any] = []
    while not searcher.is_over:
        while len(running) < at_a_time and isinstance(config := searcher.suggest(name := str(next(numbers))), dict):
            running.append(SimpleNamespace(trial_id=name, config=config))
            told.on_trial_start(0, [], running[-1])
        at = int(chance.integers(len(running)))
        running[at], running[-1] = running[-1], running[at]
        trial, score = running.pop(), chance.random()
        told.on_trial_result(0, [], trial, {"score": score, "share": 1.0, "step": 20})
        result = {"status": "ok", "score": score, "rungs": [], "is_over": True, "wall_s": chance.random()}
        searcher.on_trial_complete(trial.trial_id, result)
        told.on_trial_complete(0, [], trial)
    return plan.size, 1000 * (time.process_time() - started) / plan.size


def _unheard(_: Any) -> None:
    """Nobody is told."""


def _growth(medians: list[float], *, at_a_time: int, goal: bool) -> Row:
    return Row(
        case=f"{at_a_time} at a time",
        what="a trial of the largest sweep over one of the smallest that keeps all busy",
        figure=medians[-1] / medians[0],
        unit="x",
        goal=("at most", GROWTH) if goal else None,
    )


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planning", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: 60 trials, once")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    sizes, repetitions = ((60,), 1) if options.quick else (SIZES, options.repetitions)
    started, rows = machine(), list[Row]()
    cost_ms(60, at_a_time=2)  # the first one imports
    for at_a_time in AT_A_TIME:
        medians: list[float] = []  # of sweeps that keep all busy
        for size in sizes:
            found = [cost_ms(size, at_a_time=at_a_time) for _ in range(repetitions)]
            case = f"{found[0][0]} trials, {at_a_time} at a time"
            rows.append(sampled(case, "plan and status", [spent for _, spent in found], "ms a trial"))
            medians += [rows[-1].figure] if size >= at_a_time else []
        if medians:
            rows.append(_growth(medians, at_a_time=at_a_time, goal=not options.quick))
    save("planning", rows, settings=vars(options), started=started)


if __name__ == "__main__":
    main()

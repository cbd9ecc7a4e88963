"""How much of the cores' time a sweep spends in training steps and evaluations, and how long its first step takes.

Measured on `ray-mtlkd sweep` as a user starts it, on this machine with all its cores: from the start of the process to
its end, report included. Each trial counts the CPU time of its own training thread inside steps and evaluations
(`benchmarks/sweep/probe`); all else is loss.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.record import Goal, Row, machine, sampled, save
from benchmarks.sweep.split import Sweep, read_trials
from benchmarks.sweep.watch import Watch, machine_busy_s, wait
from ray_mtlkd.sweep.cost import estimate
from ray_mtlkd.sweep.prepare import prepare
from ray_mtlkd.sweep.space import decode_space

ROOT = Path(__file__).parents[1]
STRATEGIES = ("sum", "static", "uncertainty", "gradnorm", "pcgrad", "joint_kd", "sequential_kd", "single_task")
EFFICIENCY, COLD_START_S = 0.85, 8.0
_LIMIT_S = 900
_CALIBRATED_STEPS = 1000
_COMMAND = "from ray_mtlkd.cli import main; main()"  # what the console script holds


def space(*, strategies: Sequence[str], configurations: int, seeds: int, steps: int) -> dict[str, Any]:
    """A search space as a user would write one, without classical models."""
    every = min(25, steps)
    weights = {"balancer": {"weights": {"simplex": 1.0}}}
    return {
        "name": "efficiency",
        "setups": ["similar"],
        "encoder": {"name": "mlp", "hidden": [128, 128], "dropout": 0.1},
        "training": {"steps": steps, "batch_size": 64, "eval_every": every, "lr": {"loguniform": [1e-3, 5e-3]}},
        "convergence": {"patience": 15},
        "strategies": [{"name": name, **(weights if name == "static" else {})} for name in strategies],
        "search": {"configurations": configurations},
        "replicate": {"configurations": 1, "seeds": list(range(1, seeds + 1))},
        "classical": False,
    }


def calibrated(seconds: float, *, strategies: Sequence[str], configurations: int, seeds: int) -> dict[str, Any]:
    """The space whose trials spend about so many seconds of a core, by the estimate of `ray-mtlkd check`."""
    options = {"strategies": strategies, "configurations": configurations, "seeds": seeds}
    trial = decode_space(space(**options, steps=_CALIBRATED_STEPS), where="benchmark")
    found = estimate(prepare(trial, data_dir=None, say=lambda _: None))
    return space(**options, steps=max(1, round(_CALIBRATED_STEPS * seconds * found.trials / found.cpu_s)))


def run(value: dict[str, Any], *, cores: int) -> Sweep:
    """Run the command on a search space."""
    with tempfile.TemporaryDirectory(prefix="sweep-efficiency-") as name:
        folder = Path(name)
        (folder / "space.yaml").write_text(yaml.safe_dump(value))
        (folder / "probe").mkdir()
        path = os.pathsep.join([str(Path(__file__).parent / "sweep" / "probe"), str(ROOT)])
        environment = {**os.environ, "PYTHONPATH": path, "MTLKD_PROBE": str(folder / "probe")}
        environment.pop("RAY_ADDRESS", None)
        command = [sys.executable, "-c", _COMMAND, "sweep", str(folder / "space.yaml"), "--out", str(folder / "out")]
        busy, started = machine_busy_s(), time.time()
        with (folder / "said.txt").open("w") as said:
            child = subprocess.Popen(command, env=environment, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
            watch = Watch(child.pid)
            while child.poll() is None and time.time() - started < _LIMIT_S:
                watch.look()
                wait(child, most_s=1.0)
        ended, busy_after = time.time(), machine_busy_s()
        if child.poll() is None:
            child.terminate()
            child.wait()
        if child.returncode != 0:
            sys.exit(f"the sweep ended with code {child.returncode}:\n{(folder / 'said.txt').read_text()}")
        return Sweep(
            trials=read_trials(folder / "probe"),
            started=started,
            ended=ended,
            cores=cores,
            cpu_s=watch.cpu_s,
            busy_s=None if busy is None or busy_after is None else busy_after - busy,
        )


def rows(sweep: Sweep, starts: Sequence[float], *, goals: bool) -> list[Row]:
    """What a sweep, and the cold starts of several, amount to."""
    seconds = [trial.end - trial.start for trial in sweep.trials]
    case = f"{len(sweep.trials)} trials of {statistics.median(seconds):.1f} s on {sweep.cores} cores"
    share, inside = "of wall x cores", "CPU time inside steps and evaluations"
    found = [
        Row(
            case=case,
            what=f"{inside}, whole command",
            figure=sweep.efficiency,
            unit=share,
            goal=("at least", EFFICIENCY) if goals else None,
            note=f"wall {sweep.wall_s:.1f} s",
        ),
        Row(
            case=case,
            what=f"{inside}, first trial's start to last trial's end",
            figure=sweep.efficiency_of_trials,
            unit=share,
        ),
    ]
    if sweep.others_s is not None:
        left = sweep.wall_s * sweep.cores - sweep.others_s
        what, note = f"{inside}, whole command", f"other processes of the machine took {sweep.others_s:.1f} s"
        found.append(Row(case=case, what=what, figure=sweep.useful_s / left, unit="of what others left", note=note))
    for name, part in sweep.shares().items():
        found.append(Row(case=case, what=name, figure=part, unit=share))
    found.append(Row(case=case, what="last trial's end to the command's end", figure=sweep.after_s, unit="s"))
    goal: Goal | None = ("at most", COLD_START_S) if goals else None
    found.append(sampled("cold start", "command's start to first training step", starts, "s", goal=goal))
    return found


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep_efficiency", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of a core that a trial takes, about")
    parser.add_argument("--starts", type=int, default=3, help="short sweeps that only measure the cold start")
    parser.add_argument("--quick", action="store_true", help="4 trials of a second, no goals: does it run?")
    options = parser.parse_args()
    started, cores = machine(), os.cpu_count() or 1
    if options.quick:
        sizes: dict[str, Any] = {"strategies": ("sum", "joint_kd"), "configurations": 1, "seeds": 2}
        seconds, extra = 1.0, 0
    else:
        sizes = {"strategies": STRATEGIES, "configurations": 2, "seeds": 3}
        seconds, extra = options.seconds, options.starts
    value = calibrated(seconds, **sizes)
    short = space(strategies=("sum",), configurations=1, seeds=2, steps=100)
    starts = [run(short, cores=cores).cold_start_s for _ in range(extra)]
    sweep = run(value, cores=cores)
    settings = {**vars(options), "space": value, "cold_starts_s": [*starts, sweep.cold_start_s]}
    save(
        "sweep_efficiency",
        rows(sweep, [*starts, sweep.cold_start_s], goals=not options.quick),
        settings=settings,
        started=started,
    )


if __name__ == "__main__":
    main()

"""Whether a sweep of thousands of trials stays as it began: memory and open files of its processes, trials a second.

`ray-mtlkd sweep` runs as a user starts it, on trials so small that what is around them is all there is to see: on this
machine's own Ray, or (``--nodes``) on so many nodes of a cluster of its own, all on this machine. None may be lost.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from benchmarks.record import Row, machine, save
from benchmarks.sweep.held import Held, Kind, held_below
from benchmarks.sweep.watch import Watch, wait
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep_folder import SweepFolder
from tests.cluster.nodes import free_port, head, joined, keys
from tests.setup_files import write_fewer

ROOT = Path(__file__).parents[1]
STRATEGIES = ("sum", "gradnorm", "joint_kd")
SEEDS = (1, 2)
STEPS, EVALUATIONS = 20, 4
"""Of a trial."""
TRIALS_A_SECOND = 3.0
GROWTH: Mapping[Kind, Mapping[str, float]] = {
    "driver": {"own_mib": 50.0, "files": 5.0},
    "worker": {"own_mib": 10.0, "files": 5.0},
    "actor": {"own_mib": 10.0, "files": 5.0},
}
"""At most, more after each thousand trials. In the driver, Tune holds every trial to the end; what Ray's own processes
hold is told without a bound."""
_EVERY_S = 2.0
_COMMAND = (sys.executable, "-c", "from ray_mtlkd.cli import main; main()", "sweep")


@dataclass(frozen=True, kw_only=True)
class Look:
    """A sweep at one moment.

    Attributes:
        at_s: Since its command was started.
        ended: Trials.
        held: By each of its processes.
    """

    at_s: float
    ended: int
    held: Mapping[Kind, Mapping[int, Held]]


@dataclass(frozen=True, kw_only=True)
class Soak:
    """A whole sweep.

    Attributes:
        planned: Trials; ``lost``: those of them that left no record, or ended otherwise than well.
        wall_s: Of the whole command.
        cpu_s: Of all processes, by what they are.
        files: That it left, by folder.
    """

    planned: int
    lost: int
    wall_s: float
    cpu_s: Mapping[str, float]
    files: Mapping[str, int]
    looks: Sequence[Look] = field(repr=False)


def space(trials: int, *, evaluations: int) -> dict[str, Any]:
    """A search space of at least so many trials of twenty steps, which are evaluated so often."""
    configurations = max(2, -(-trials // len(STRATEGIES)) - len(SEEDS))
    return {
        "name": "soak",
        "setups": ["fewer.yaml"],
        "encoder": {"name": "mlp", "hidden": [16]},
        "training": {
            "steps": STEPS,
            "batch_size": 16,
            "eval_every": STEPS // evaluations,
            "lr": {"loguniform": [1e-3, 1e-2]},
        },
        "convergence": {"patience": 1, "patience_epochs": 0, "min_epochs": 0, "smoothing": 1, "noise": 0},
        "strategies": list(STRATEGIES),
        "search": {"configurations": configurations},
        "replicate": {"configurations": 1, "seeds": list(SEEDS)},
        "classical": False,
    }


def run(trials: int, *, nodes: int, cpus: int, evaluations: int = EVALUATIONS) -> Soak:
    """Run a sweep; on this machine's own Ray where there are no ``nodes``, which else have ``cpus`` each."""
    with tempfile.TemporaryDirectory(prefix="soak-") as name, ExitStack() as held:
        folder, value = Path(name), space(trials, evaluations=evaluations)
        write_fewer("similar", folder, tasks=("tiny_noisy", "small"), rows=64)
        (folder / "space.yaml").write_text(yaml.safe_dump(value))
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        environment.pop("RAY_ADDRESS", None)
        roots: list[int] = []
        if nodes:
            environment |= keys(folder)
            roots, environment = held.enter_context(_cluster(nodes, cpus, environment))
        out = folder / "out"
        command = [*_COMMAND, str(folder / "space.yaml"), "--out", str(out)]
        started = time.monotonic()
        with (folder / "said.txt").open("w") as said:
            child = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
            watches = [Watch(pid) for pid in (child.pid, *roots)]
            looks = []
            while child.poll() is None:
                looks.append(_look(out, (child.pid, *roots), at_s=time.monotonic() - started))
                for watch in watches:
                    watch.look()
                wait(child, most_s=_EVERY_S)
        wall_s = time.monotonic() - started
        if child.returncode:
            sys.exit(f"the sweep ended with code {child.returncode}:\n{(folder / 'said.txt').read_text()}")
        planned = len(STRATEGIES) * (value["search"]["configurations"] + len(SEEDS))
        cpu_s: Counter[str] = Counter()
        for at, watch in enumerate(watches):
            spent = watch.cpu_s
            if at:  # what a node is started by is Ray's
                spent["ray"] += spent.pop("driver")
            cpu_s.update(spent)
        return Soak(
            planned=planned,
            lost=planned - archive.count(SweepFolder.at(str(out))).ok,
            wall_s=wall_s,
            cpu_s=cpu_s,
            files=Counter(path.relative_to(out).parts[0] for path in out.rglob("*") if path.is_file()),
            looks=looks,
        )


def rows(soak: Soak, *, case: str, goals: bool) -> list[Row]:
    """What it amounts to."""
    most = max(range(len(soak.looks)), key=lambda at: soak.looks[at].ended)  # then their records are merged
    running = [look for look in soak.looks[: most + 1] if look.ended]
    first, last = running[0], running[-1]
    rate = (last.ended - first.ended) / max(_EVERY_S, last.at_s - first.at_s)
    found = [
        Row(case=case, what="trials lost", figure=soak.lost, unit="trials", goal=("at most", 0)),
        Row(
            case=case,
            what="trials ended, from the first one's end",
            figure=rate,
            unit="a second",
            goal=("at least", TRIALS_A_SECOND) if goals else None,
            note=f"wall {soak.wall_s:.0f} s, start and report included",
        ),
    ]
    for kind in ("driver", "worker", "actor", "ray"):
        for what, unit in (("own_mib", "MiB"), ("files", "open files")):
            most = GROWTH.get(kind, {}).get(what)
            early, late, slope = _drift(running, kind, what)
            found.append(
                Row(
                    case=case,
                    what=f"{kind}: {'memory' if unit == 'MiB' else unit} of the largest, more a thousand trials",
                    figure=slope,
                    unit=unit,
                    goal=("at most", most) if goals and most is not None else None,
                    note=f"{early:.0f} in the second fifth, {late:.0f} in the last",
                )
            )
    for kind, seconds in soak.cpu_s.items():
        found.append(
            Row(case=case, what=f"CPU time of {kind}", figure=1000 * seconds / soak.planned, unit="ms a trial")
        )
    for folder, files in sorted(soak.files.items()):
        found.append(Row(case=case, what=f"files left in {folder}", figure=files / soak.planned, unit="a trial"))
    return found


def _drift(looks: Sequence[Look], kind: Kind, what: str) -> tuple[float, float, float]:
    """What the largest process of a kind holds in the second and in the last fifth, and what it gains by trial."""
    held = [
        (look.ended, max((getattr(each, what) for each in look.held.get(kind, {}).values()), default=0))
        for look in looks
    ]
    fifth = max(1, len(held) // 5)
    early, late = held[fifth : 2 * fifth] or held[:1], held[-fifth:]
    sizes = [statistics.median(size for _, size in part) for part in (early, late)]
    trials = [statistics.median(ended for ended, _ in part) for part in (early, late)]
    slope = 1000 * (sizes[1] - sizes[0]) / max(1.0, trials[1] - trials[0])
    return sizes[0], sizes[1], slope


def _look(out: Path, roots: Sequence[int], *, at_s: float) -> Look:
    held: dict[Kind, dict[int, Held]] = defaultdict(dict)
    for at, root in enumerate(roots):
        for kind, processes in held_below(root).items():
            held["ray" if at and kind == "driver" else kind].update(processes)
    return Look(at_s=at_s, ended=len(list(out.glob("records/*.parquet"))), held=held)


@contextmanager
def _cluster(nodes: int, cpus: int, environment: Mapping[str, str]) -> Iterator[tuple[list[int], dict[str, str]]]:
    """A cluster on this machine: the processes that hold its nodes, and the environment of who connects."""
    port, most = free_port(), f"--num-cpus={cpus}"
    address = f"127.0.0.1:{port}"
    with ExitStack() as held:
        first = head(most, "--include-dashboard=false", port=port, environment=environment)
        others = (joined(most, address=address, environment=environment) for _ in range(nodes - 1))
        roots = [held.enter_context(node).pid for node in (first, *others)]
        yield roots, {**environment, "RAY_ADDRESS": address}


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--nodes", type=int, default=0, help="of a cluster; else this machine's own Ray")
    parser.add_argument("--cpus", type=int, default=2, help="of a node, as Ray counts them")
    parser.add_argument("--evaluations", type=int, default=EVALUATIONS, help="of a trial (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="30 trials, no goals: does it run?")
    options = parser.parse_args()
    trials, started = 30 if options.quick else options.trials, machine()
    soak = run(trials, nodes=options.nodes, cpus=options.cpus, evaluations=options.evaluations)
    where = f"{options.nodes} nodes of {options.cpus} CPUs on this machine" if options.nodes else "this machine"
    case = f"{soak.planned} trials of {options.evaluations} evaluations, {where}"
    save(
        "soak",
        rows(soak, case=case, goals=not (options.quick or options.nodes)),
        settings=vars(options),
        started=started,
    )


if __name__ == "__main__":
    main()

"""Peak memory of a contender's steps, in a process of its own."""

import argparse
import json
import os
import resource
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import torch

from benchmarks.step.contenders import CONTENDERS
from benchmarks.step.problem import Size, problem

ROOT = Path(__file__).parents[2]
_AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""Makes glibc hand freed memory back to the system: resident memory is then memory in use, the same in every run."""


def peak_bytes(contender: str, size: Size, *, steps: int) -> int:
    """Largest resident memory of a fresh process in which the contender takes so many steps."""
    command = [sys.executable, "-m", "benchmarks.step.memory", contender, json.dumps(asdict(size)), str(steps)]
    environment = {**os.environ, **_AT_ONCE}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{contender}: {done.stderr[-2000:]}")
    return int(done.stdout)


def shared_parameters(size: Size) -> int:
    """P."""
    return sum(p.numel() for p in problem(size, steps=0).model().shared())


def _own_peak() -> int:
    """Of this process. Linux's ``ru_maxrss`` would start from the parent's, which this process was copied from."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("size", help="fields of `Size` as JSON")
    parser.add_argument("steps", type=int)
    given = parser.parse_args()
    torch.set_num_threads(1)
    fields = json.loads(given.size)
    size = Size(**{**fields, "hidden": tuple(fields["hidden"])})
    contender = CONTENDERS[given.contender].make(problem(size, steps=given.steps))
    for at in range(given.steps):
        contender.step(at)
    print(_own_peak())


if __name__ == "__main__":
    _main()

"""Reads ever other changed files in processes of their own, and says which end otherwise than by an error of ours.

python -m tests.fuzz --inputs 100000 --door records
"""

import argparse
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch

from tests.fuzz.doors import DOORS, Door
from tests.fuzz.reading import HANG_S, MEMORY, fault_of

_AT = struct.Struct("<q")
"""The seed that a process is at, in memory that outlives it."""


def survey(door: Door, *, start: int, stop: int) -> dict[str, list[int]]:
    """Faults by what is said of them, each with the seeds that lead to it."""
    found: dict[str, list[int]] = defaultdict(list)
    at = mmap.mmap(-1, _AT.size)
    while start < stop:
        at[:] = _AT.pack(start)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            _work(door, range(start, stop), at, writer)
        os.close(writer)
        with os.fdopen(reader) as lines:
            for seed, fault in (line.rstrip("\n").split("\t", 1) for line in lines):
                found[fault].append(int(seed))
        _, status = os.waitpid(child, 0)
        (last,) = _AT.unpack(at[:])
        if last < stop:
            found[f"ended by {signal.Signals(os.WTERMSIG(status)).name}"].append(last)
        start = last + 1
    return found


def _work(door: Door, seeds: Sequence[int], at: mmap.mmap, out: int) -> None:
    """The life of such a process: a line for each fault."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    for seed in seeds:
        at[:] = _AT.pack(seed)
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # by the CPU: other work may keep the machine busy
        fault = fault_of(door, door.mutant(seed))
        signal.setitimer(signal.ITIMER_PROF, 0)
        if fault is not None:
            os.write(out, f"{seed}\t{fault}\n".encode())
    at[:] = _AT.pack(seeds[-1] + 1)
    os._exit(0)


def _told(found: Mapping[str, Sequence[int]]) -> str:
    kinds = sorted(found.items(), key=lambda item: -len(item[1]))
    return "".join(f"{len(seeds):8} {fault}  (seeds {', '.join(map(str, seeds[:4]))})\n" for fault, seeds in kinds)


def main() -> int:
    """The command line; 1 where there were faults."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--door", action="append", choices=list(DOORS))
    asked = parser.parse_args()
    torch.set_num_threads(1)  # threads of a process do not live on in those that are forked from it
    total = 0
    for name in asked.door or DOORS:
        began = time.perf_counter()
        found = survey(DOORS[name](), start=asked.start, stop=asked.start + asked.inputs)
        count = sum(map(len, found.values()))
        total += count
        took = time.perf_counter() - began
        sys.stdout.write(f"{name}: {asked.inputs:,} inputs, {count} faults, {took:.0f} s\n{_told(found)}")
        sys.stdout.flush()
    return int(total > 0)


if __name__ == "__main__":
    sys.exit(main())

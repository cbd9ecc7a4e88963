"""What a report of ten thousand trials takes: time and memory of the whole process, by number of trials.

``ray-mtlkd report`` runs as a process of its own on the records that `benchmarks.report.records` writes, merged as a
sweep merges them when it ends; the largest number of trials also with a file a trial, as a killed sweep leaves them.
The records are written by another process: a child's peak memory counts from that of its parent.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.record import Goal, Row, machine, sampled, save
from ray_mtlkd.sweep import archive
from ray_mtlkd.sweep_folder import SweepFolder

ROOT = Path(__file__).parents[1]
SIZES = (1_000, 3_000, 10_000)
GOALS = {"wall time": 10.0, "peak memory": 1024.0}
"""Of the largest, in seconds and MiB."""
_COMMAND = (sys.executable, "-c", "from ray_mtlkd.cli import main; main()", "report")


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one report took, from the start of its process to its end."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def write(folder: Path, trials: int) -> dict[str, int]:
    """Sweeps' directories with at least so many trials; how many there are by stage and by status."""
    command = [sys.executable, "-m", "benchmarks.report.records", str(folder), str(trials)]
    counts: dict[str, int] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return counts


def report(folder: Path, counts: Mapping[str, int]) -> Cost:
    """Report the sweeps in a folder, and make sure that all trials are in it.

    Raises:
        RuntimeError: where the report fails or counts other trials.
    """
    out = folder / "report"
    sweeps = sorted(str(path.parent) for path in folder.glob("*/records"))
    started = time.perf_counter()
    process = subprocess.Popen([*_COMMAND, *sweeps, "--out", str(out)], cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    said = f"{counts['search']} search and {counts['replicate']} replicate trials, {counts['failed']} failed."
    if process.returncode or said not in (out / "report.md").read_text(encoding="utf-8"):
        raise RuntimeError(f"the report of {folder} ended with {process.returncode}, or does not say: {said}")
    return Cost(wall_s=wall_s, cpu_s=usage.ru_utime + usage.ru_stime, peak_mib=usage.ru_maxrss / 1024)


def merge(folder: Path) -> float:
    """Seconds that it takes to merge the records of the sweeps in a folder."""
    started = time.perf_counter()
    for path in sorted(folder.glob("*/records")):
        archive.merge(SweepFolder.at(str(path.parent)))
    return time.perf_counter() - started


def unmerged_rows(trials: int, samples: Sequence[Cost], *, merge_s: float) -> list[Row]:
    """What it takes to merge records, and to report them before that."""
    case = f"{trials} trials x 5 tasks, a file a trial"
    wall = sampled(case, "wall time", [each.wall_s for each in samples], "s")
    return [wall, Row(case=case, what="merging them, once", figure=merge_s, unit="s")]


def rows(costs: Mapping[int, Sequence[Cost]]) -> list[Row]:
    """The figures by number of trials, ascending, and what each trial more takes."""
    found = []
    for trials, samples in costs.items():
        figures = {
            ("wall time", "s"): [each.wall_s for each in samples],
            ("CPU time", "s"): [each.cpu_s for each in samples],
            ("peak memory", "MiB"): [each.peak_mib for each in samples],
        }
        for (what, unit), values in figures.items():
            bound = GOALS.get(what) if trials >= SIZES[-1] else None
            goal: Goal | None = None if bound is None else ("at most", bound)
            found.append(sampled(f"{trials} trials x 5 tasks", what, values, unit, goal=goal))
    for fewer, more in pairwise(costs):
        spent_s = [statistics.median(each.cpu_s for each in costs[trials]) for trials in (fewer, more)]
        each_ms = 1000 * (spent_s[1] - spent_s[0]) / (more - fewer)
        found.append(Row(case=f"from {fewer} to {more} trials", what="CPU time", figure=each_ms, unit="ms a trial"))
    return found


def main() -> None:
    """Measure every size in turn, several times, and save the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: 200 trials, once")
    parser.add_argument("--repetitions", type=int, default=3)
    given = parser.parse_args()
    sizes, repetitions = ((200,), 1) if given.quick else (SIZES, given.repetitions)
    started = machine()
    with tempfile.TemporaryDirectory() as folder:
        places = {size: Path(folder) / str(size) for size in sizes}
        counts = {size: write(place, size) for size, place in places.items()}
        trials = {size: counts[size]["search"] + counts[size]["replicate"] for size in sizes}
        most = sizes[-1]
        unmerged = [report(places[most], counts[most]) for _ in range(repetitions)]
        merge_s = [merge(places[size]) for size in sizes][-1]
        costs: dict[int, list[Cost]] = {trials[size]: [] for size in sizes}
        for _ in range(repetitions):
            for size in sizes:
                costs[trials[size]].append(report(places[size], counts[size]))
    found = [*rows(costs), *unmerged_rows(trials[most], unmerged, merge_s=merge_s)]
    save("report_scale", found, settings={"sizes": sizes, "repetitions": repetitions}, started=started)


if __name__ == "__main__":
    main()

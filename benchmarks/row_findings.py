"""What a report takes to read predictions: 66 trials of six tasks, one of every kind, each with 10 000 test rows.

Everything is done that a report does with them, on one core, in a process of its own: checksums, 300 draws of the rows
under each task's metric, confusions, calibration, disagreements. Metrics also one by one, since some take far longer.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from threadpoolctl import threadpool_limits

from benchmarks.record import Row, machine, sampled, save
from benchmarks.report.predictions import METRICS, SEEDS, STRATEGIES, part_of
from ray_mtlkd.report.resampler import Resampler

ROOT = Path(__file__).parents[1]
ROWS = 10_000
LIMIT_S = 20.0
OTHERS = {
    "topic": ("accuracy",),
    "match": ("average_precision", "auc"),
    "rating": ("spearman", "rmse", "r2"),
    "tags": ("micro_f1", "average_precision", "auc"),
    "find": ("map", "mrr"),
}
"""The metrics that are measured besides the usual ones."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"), "1")


class ReadingCost(NamedTuple):
    """What it took to read a folder's predictions."""

    wall_s: float
    cpu_s: float
    peak_mib: float
    imports_mib: float


def read(folder: Path) -> ReadingCost:
    """Read them in another process, on one core."""
    command = [sys.executable, "-m", "benchmarks.row_findings", "--read", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **_ONE_THREAD}, stdout=subprocess.PIPE)
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    told = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    return ReadingCost(peak_mib=usage.ru_maxrss / 1024, **told)


def _read_here(folder: Path) -> None:
    """Read them, and print what it took."""
    import resource  # noqa: PLC0415 - only here

    from ray_mtlkd.report import load  # noqa: PLC0415 - its imports are told apart
    from ray_mtlkd.report.row_findings import read_rows  # noqa: PLC0415

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    records = load.read([str(folder)])
    imports_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started = time.perf_counter(), time.process_time()
    found = read_rows([str(folder)], records)
    names = sorted({strategy for _, strategy in found.noise.trials})
    found.noise.variances("drawn", names)
    spent = time.perf_counter() - started[0], time.process_time() - started[1]
    print(json.dumps({"wall_s": spent[0], "cpu_s": spent[1], "imports_mib": imports_mib}))


def by_metric(rows: int, *, repetitions: int) -> list[Row]:
    """The draws of each metric, a trial and task."""
    found = []
    for task, (kind, usual) in METRICS.items():
        for metric in (usual, *OTHERS.get(task, ())):
            part, resampler, samples = part_of(task, rows, trial=0, metric=metric), Resampler(), []
            with threadpool_limits(1):
                resampler.measure(part)  # draws the counts
                for _ in range(repetitions):
                    started = time.process_time()
                    resampler.measure(part)
                    samples.append(1000 * (time.process_time() - started))
            found.append(sampled(f"{rows} rows", f"draws of {metric} ({kind})", samples, "ms a trial"))
    return found


def main() -> None:
    """Measure, and save the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a smoke run of seconds: 500 rows, once")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read is not None:
        _read_here(given.read)
        return
    rows, repetitions = (500, 1) if given.quick else (ROWS, given.repetitions)
    started = machine()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.report.predictions", folder, str(rows)]
        subprocess.run(command, cwd=ROOT, check=True)
        sizes = [path.stat().st_size / 1e6 for path in (Path(folder) / "predictions").iterdir()]
        costs = [read(Path(folder)) for _ in range(repetitions)]
    case = f"{STRATEGIES * SEEDS} trials x {len(METRICS)} tasks x {rows} test rows, one core"
    found = [
        sampled(case, "wall time", [each.wall_s for each in costs], "s"),
        sampled(case, "CPU time", [each.cpu_s for each in costs], "s", goal=("at most", LIMIT_S)),
        sampled(case, "peak memory", [each.peak_mib for each in costs], "MiB"),
        sampled(case, "of it before the first file", [each.imports_mib for each in costs], "MiB"),
        Row(case=case, what="a trial's file", figure=statistics.mean(sizes), unit="MB", note="test alone"),
        *by_metric(rows, repetitions=repetitions),
    ]
    save("row_findings", found, settings={"rows": rows, "repetitions": repetitions}, started=started)


if __name__ == "__main__":
    main()

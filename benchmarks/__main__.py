"""Every benchmark in turn, each in a process of its own; then one table of all that they found.

One that fails does not keep the others from running, but fails the whole.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import record

ROOT = Path(__file__).parents[1]
BENCHMARKS = (
    "step_cost",
    "balancer_cost",
    "sharing_cost",
    "sparse_step",
    "evaluation",
    "sweep_efficiency",
    "planning",
    "soak",
    "headroom",
    "school",
    "draws",
    "relabel",
    "dataset",
    "report_scale",
    "row_findings",
    "verdict",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them; 1 where one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run of each")
    options = ["--quick"] if parser.parse_args(arguments).quick else []
    before = _files()
    failed = [name for name in BENCHMARKS if not _run(name, options)]
    rows = [row for file in sorted(_files() - before) for row in _rows(file)]
    record.show("benchmarks", rows)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _run(name: str, options: Sequence[str]) -> bool:
    print(f"== {name}", flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0


def _files() -> set[Path]:
    return set(record.RESULTS.glob("*.json"))


def _rows(file: Path) -> Iterator[record.Row]:
    """A benchmark's rows, each case under the benchmark's name."""
    document = json.loads(file.read_text())
    for kept in document["rows"]:
        fields = {key: value for key, value in kept.items() if key not in {"reached", "goal", "case"}}
        goal = None if kept["goal"] is None else (kept["goal"][0], kept["goal"][1])
        yield record.Row(case=f"{document['benchmark']}: {kept['case']}", goal=goal, **fields)


if __name__ == "__main__":
    sys.exit(main())

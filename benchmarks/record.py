"""What a benchmark leaves behind: a printed table, and a JSON file with the machine, the versions and the load."""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parents[1] / "results" / "benchmarks"
DATA = Path(os.environ.get("MTLKD_DATA") or Path(__file__).parents[2] / "shared" / "data")
"""Holds the public tables, unless ``--data`` says otherwise."""
_PACKAGES = ("torch", "numpy", "pyarrow", "ray", "torchjd", "LibMTL")


Goal = tuple[Literal["at most", "at least"], float]
"""What a figure ought to be."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        case: What was measured under which conditions, e.g. ``multi-input, T=5``.
        what: Of what, e.g. ``ray_mtlkd pcgrad``.
        figure: The median, where there are several samples.
        unit: e.g. ``x bare loop``, ``s``, ``MiB``.
        low: Lower quartile of the samples.
        high: Upper quartile.
        samples: How many.
        goal: What it ought to be, as (``at most`` or ``at least``, number).
        note: What a reader must know, e.g. how a peer was run.
    """

    case: str
    what: str
    figure: float
    unit: str
    low: float | None = None
    high: float | None = None
    samples: int | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the figure is what it ought to be; None without a goal."""
        if self.goal is None:
            return None
        sort, bound = self.goal
        return self.figure <= bound if sort == "at most" else self.figure >= bound


def sampled(
    case: str,
    what: str,
    samples: Sequence[float],
    unit: str,
    *,
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    """The median of some samples, with their quartiles where there are several."""
    low, high = (statistics.quantiles(samples, n=4)[at] for at in (0, 2)) if len(samples) > 1 else (None, None)
    return Row(
        case=case,
        what=what,
        figure=statistics.median(samples),
        unit=unit,
        low=low,
        high=high,
        samples=len(samples),
        goal=goal,
        note=note,
    )


def save(benchmark: str, rows: Sequence[Row], *, settings: Mapping[str, Any], started: Mapping[str, Any]) -> Path:
    """Write a run to ``results/benchmarks/BENCHMARK-TIME.json`` and print its table.

    Args:
        benchmark: Name of the benchmark.
        rows: What it found.
        settings: Of this run, JSON data.
        started: What `machine` said before the first measurement.
    """
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{benchmark}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    document = {
        "benchmark": benchmark,
        "settings": dict(settings),
        "machine": dict(started),
        "load_at_end": os.getloadavg()[0],
        "rows": [{**asdict(row), "reached": row.reached} for row in rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    show(benchmark, rows)
    return path


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for column in ("case", "what", "figure", "unit", "quartiles", "goal", "note"):
        table.add_column(column, justify="right" if column == "figure" else "left", overflow="fold")
    for row in rows:
        quartiles = "" if row.low is None or row.high is None else f"{row.low:.3g} - {row.high:.3g}"
        mark = {None: "", True: " reached", False: " MISSED"}[row.reached]
        goal = "" if row.goal is None else f"{row.goal[0]} {row.goal[1]:g}{mark}"
        table.add_row(row.case, row.what, f"{row.figure:.3g}", row.unit, quartiles, goal, row.note)
    Console(width=None if Console().is_terminal else 160).print(table)


def machine() -> dict[str, Any]:
    """Processor, cores, memory in GiB, load over the last minute, versions, and the commit that runs."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load_at_start": os.getloadavg()[0],
        "python": platform.python_version(),
        "versions": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "commit": _commit(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str:
    """Of the working tree, ``+`` where it holds changes that are not committed."""
    here = Path(__file__).parent
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"], cwd=here, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"

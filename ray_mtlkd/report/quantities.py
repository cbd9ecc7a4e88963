"""What a strategy's trials came to and took: one more number of the report is one more `Quantity`.

Each has a column in a setup's table and rows in ``strategies.csv``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.headroom import SAID, headroom
from ray_mtlkd.report.runs import Runs, Setup
from ray_mtlkd.report.statistics import Floats, Interval, estimate


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number a trial.

    Attributes:
        name: In the CSV file.
        title: Of the page's column, where a number is the mean over seeds.
        of: The strategy's finished replicate trials as numbers [n]; NaN where a trial has none.
        shown: The mean as the page prints it.
        said: How the number came about, an item of a list in Markdown; empty where the title says it all.
        beside: Another quantity, beside which this one is left out of the page where it never differs from it.
    """

    name: str
    title: str
    of: Callable[[Runs, Setup], Floats]
    shown: Callable[[Interval], str]
    said: str = ""
    beside: str = ""

    def over_seeds(self, runs: Runs, setup: Setup) -> Interval | None:
        """The mean with its interval; None where there is no trial, or one of them has no number."""
        values = runs.over_configurations(self.of(runs, setup))
        return estimate(values) if len(values) and np.isfinite(values).all() else None

    def cell(self, runs: Runs, setup: Setup) -> str:
        """As the page prints it, or a dash."""
        found = self.over_seeds(runs, setup)
        return text.NOTHING if found is None else self.shown(found)


def _count(found: Interval) -> str:
    return text.count(found.mean)


def _seconds(found: Interval) -> str:
    return text.number(found.mean, 1)


def _peak_spread(runs: Runs, _: Setup) -> Floats:
    """Steps between the first and the last of the evaluations at which the tasks are best."""
    steps = runs.per_task["peak_step"]
    spread: Floats = steps.max(axis=1) - steps.min(axis=1)
    # Models of a task each train one after the other: their steps tell the order, not the tasks.
    return np.full_like(spread, np.nan) if runs.strategy.role == "reference" else spread


QUANTITIES = (
    Quantity(
        name="headroom_valid_percent",
        title="headroom on validation, %",
        of=lambda runs, setup: headroom(runs, setup, "valid"),
        shown=text.gain,
        said=SAID,
    ),
    Quantity(
        name="headroom_test_percent",
        title="headroom on test, %",
        of=lambda runs, setup: headroom(runs, setup, "test"),
        shown=text.gain,
    ),
    Quantity(
        name="peak_spread_steps",
        title="steps from first to last peak",
        of=_peak_spread,
        shown=_count,
        said="- **Steps from first to last peak**: how far apart the tasks' own best evaluations on validation are.\n"
        "  One model a task has none.",
    ),
    Quantity(
        name="parameters",
        title="parameters",
        of=lambda runs, _: runs.per_trial["parameters"],
        shown=_count,
        said="- **Parameters**: of the model that a trial leaves, or of all its models, with those that stay as they\n"
        "  are; without a column *of these train*, all of them do. Teachers trained for it are left out.",
    ),
    Quantity(
        name="trained_parameters",
        title="of these train",
        of=lambda runs, _: runs.per_trial["trained_parameters"],
        shown=_count,
        beside="parameters",
    ),
    Quantity(name="steps", title="physical steps", of=lambda runs, _: runs.per_trial["steps"], shown=_count),
    Quantity(name="batches", title="task batches", of=lambda runs, _: runs.per_trial["batches"], shown=_count),
    Quantity(name="wall_s", title="wall time s", of=lambda runs, _: runs.per_trial["wall_s"], shown=_seconds),
    Quantity(name="cpu_s", title="CPU time s", of=lambda runs, _: runs.per_trial["cpu_s"], shown=_seconds),
)

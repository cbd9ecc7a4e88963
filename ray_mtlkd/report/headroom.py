"""What holding every task's peak could add: the question before distilling, which joint training alone answers."""

from typing import Literal

import numpy as np

from ray_mtlkd.report import text
from ray_mtlkd.report.gains import Split, gain
from ray_mtlkd.report.runs import Runs, Setup
from ray_mtlkd.report.statistics import Floats, Interval, estimate

LITTLE = 0.5
"""Percent; about half of the smaller average gain that distilling from converged tasks has in its paper (0.9)."""

SAID = f"""\
- **Headroom**: what holding every task's peak could add to a strategy. For one seed, the gain (as above) of every
  task's own best evaluation on validation over the checkpoint that serves all tasks. On validation the best of many
  evaluations is partly luck, so it is an upper bound and never negative; on test the same parameters are measured, and
  it may be. One model a task has none. Distilling is said to have *little* to hold where the headroom of `sum` is below
  {LITTLE} % on validation, or its interval on test ends below {LITTLE} % (the smaller of the two average gains in Lu et
  al. 2022 is 0.9 %); *something* where neither is so and it is shown to be above zero on test."""
"""How these figures came about."""

Held = Literal["little", "something", "not shown"]
_SAID = {
    "little": "distilling has little to hold",
    "something": "distilling has something to hold",
    "not shown": "whether distilling has anything to hold is not shown",
}


def headroom(runs: Runs, setup: Setup, split: Split) -> Floats:
    """The gain in percent of every task's own best evaluation over the checkpoint, averaged over tasks.

    Both are chosen on validation. There the best of many evaluations is partly luck, so that no method holds all of it;
    on test the same parameters may even be worse.

    Returns:
        One a trial [n], never below zero on validation; NaN where a task's metric at the checkpoint is zero or missing.
    """
    return gain(runs.per_task[f"{split}_peak"], runs.per_task[split], setup.signs)


def to_hold(valid: Interval, test: Interval) -> Held:
    """What distilling could hold, from the headroom of joint training on both splits.

    ``little``: below ``LITTLE`` on validation, or the whole interval on test is. ``something``: neither, and shown to
    be above zero on test.
    """
    if valid.mean < LITTLE or (test.high is not None and test.high < LITTLE):
        return "little"
    return "something" if test.difference == "better" else "not shown"


def advised(setup: Setup) -> str:
    """A sentence on a setup's headroom under `sum`, or else the first other baseline; empty where it is not known."""
    runs = next((runs for runs in setup.runs if runs.strategy.role == "baseline" and runs.keys), None)
    if runs is None:
        return ""
    valid, test = (runs.over_configurations(headroom(runs, setup, split)) for split in ("valid", "test"))
    if not np.isfinite([valid, test]).all():
        return ""
    most, measured = estimate(valid), estimate(test)
    return (
        f"Holding every task's peak would add at most about {most.mean:.2f} % to {text.code(runs.strategy.name)} here "
        f"({text.gain(most)} % on validation, {text.gain(measured)} % on test): {_SAID[to_hold(most, measured)]}."
    )

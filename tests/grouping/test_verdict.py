import json

import pytest

from ray_mtlkd.grouping.findings import Findings
from ray_mtlkd.grouping.splits import SplitWorth
from ray_mtlkd.grouping.verdict import verdict
from ray_mtlkd.report.load import of
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.summary import summarise
from tests.columns import changed
from tests.report.conftest import made

LEVELS = {"sum": (0.60, 0.70, 0.80), "single_task": (0.60, 0.71, 0.79), "split": (0.65, 0.7501, 0.8499)}


def _trial(label, *, seed, level):
    """One that is good at the last of three tasks, and the better the later its seed."""
    known = label if label != "split" else "stop"
    test = [level + 0.001 * seed, level - 0.002 * seed, level]
    return [changed(record, strategy=label, trial=f"{label}-{seed}") for record in made(known, seed=seed, test=test)]


@pytest.fixture
def summary():
    trials = [
        _trial(label, seed=seed, level=level) for label, levels in LEVELS.items() for seed, level in enumerate(levels)
    ]
    return summarise(group(of([record for trial in trials for record in trial]).table))


def _search(*groups):
    split = SplitWorth(groups=groups, worth=1.0)
    return Findings(tasks=("a", "b", "c"), splits=(split,), proposed=split)


def test_it_says_what_the_split_gains_over_one_model_with_its_interval_and_at_what_cost(summary):
    found = verdict(_search((0, 2), (1,)), summary, report="there")
    contrast = summary.parts["s"].comparison.contrast("split", "sum")
    low, high = contrast.interval
    assert contrast.finding == "better"
    proposed, alone = found.said.splitlines()
    assert proposed == (
        f"two models, {{a, c}} and {{b}}: +5.0 [{low:+.1f}, {high:+.1f}] points over one model at twice the serving"
        " cost: better (3 seeds)"
    )
    assert alone.startswith("one model a task (3): ")
    assert "at three times the serving cost" in alone
    facts = json.loads(found.facts())
    assert facts["over_one_model"]["split"]["low"] == low
    assert facts["proposed"] == [["a", "c"], ["b"]]


def test_that_nothing_beats_one_model_is_said_first(summary):
    first, second = verdict(_search((0, 1, 2)), summary, report="there").said.splitlines()
    assert first.startswith("one model: no split")
    assert second.startswith("one model a task (3): ")


def test_where_every_task_is_best_alone_that_is_the_proposal(summary):
    (only,) = verdict(_search((0,), (1,), (2,)), summary, report="there").said.splitlines()
    assert only.startswith("one model a task (3): ")

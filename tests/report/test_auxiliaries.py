import pytest

from ray_mtlkd.report.auxiliaries import auxiliaries
from ray_mtlkd.report.load import read
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.summary import summarise
from ray_mtlkd.report.text import NOTHING
from tests.columns import changed

APART = '{"curriculum.groups": "t0+t1"}'


@pytest.fixture
def said(made, write, tmp_path):
    """What is said of trials of three tasks, of which the last counts by its weight: each a strategy and metrics."""

    def say(*trials, weight=0.0, columns=()):
        def records():
            for strategy, test in trials:
                for seed in (1, 2, 3):
                    curriculum = "split" if strategy == "stop" else strategy
                    rows = made(strategy, seed=seed, test=test, curriculum=curriculum, config=APART, **dict(columns))
                    yield [*rows[:2], changed(rows[2], weight=weight)]

        found = read([str(write(tmp_path, records()))])
        setups = group(found.table)
        return auxiliaries(setups[0], summarise(setups), found)

    return say


def test_where_every_task_counts_nothing_is_said(said):
    assert said(("sum", [0.5, 0.5, 0.5]), weight=1.0) == ""


def test_what_an_auxiliary_adds_is_what_one_model_gains_over_a_split_that_leaves_it_out(said):
    last = said(("sum", [0.6, 0.5, 0.1]), ("stop", [0.5, 0.51, 0.9])).splitlines()[-1]
    assert [cell.strip() for cell in last.split("|")[1:-1]] == [
        "t2",
        "+4.50 [+4.50, +4.50] better (t0 +5.00, t1 -0.50)",
        NOTHING,
    ]


def test_without_such_a_split_the_way_to_know_is_told(said):
    assert "`{name: split, curriculum: {groups: [[t0, t1]]}}`" in said(("sum", [0.6, 0.5, 0.1]))


def test_the_affinity_to_the_tasks_that_count_is_told_by_strategy(said):
    text = said(("pcgrad", [0.6, 0.5, 0.1]), columns={"affinities": [0.02, 0.04, 9.0]}.items())
    assert "+3 (`pcgrad`)" in text

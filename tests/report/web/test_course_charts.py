import itertools

import pytest

from ray_mtlkd.report import load
from ray_mtlkd.report.runs import group
from ray_mtlkd.report.web.course_charts import conflicts_chart, courses, phases_chart, weights_chart


@pytest.fixture
def course(fake_trial, write, tmp_path):
    """A setup with one trial of each strategy, and their courses."""

    def of(*names):
        trials = [fake_trial(setup="similar", strategy=name, seed=seed) for name in names for seed in (4, 2)]
        records = load.read([str(write(tmp_path, iter(trials)))])
        (setup,) = group(records.table)
        return setup, courses(setup, records)

    return of


def test_the_lowest_seed_of_each_strategy_is_shown(course):
    _, found = course("sum", "joint_kd")
    assert {name: seed for name, (seed, _) in found.items()} == {"sum": 2, "joint_kd": 2}


def test_phases_follow_each_other_from_the_first_evaluation_to_the_last(course):
    setup, found = course("sequential_kd")
    chart = phases_chart(setup, found)
    assert {trace["name"] for trace in chart.data} == {"waiting", "labels", "distilling"}
    for task in setup.tasks:
        parts = sorted(
            (start, start + length)
            for trace in chart.data
            for name, start, length in zip(trace["y"], trace["base"], trace["x"], strict=True)
            if name == task.name
        )
        assert (parts[0][0], parts[-1][1]) == (300, 6000)
        assert all(before[1] == after[0] for before, after in itertools.pairwise(parts))


def test_strategies_whose_tasks_only_learn_from_labels_have_no_phases(course):
    setup, found = course("sum")
    assert phases_chart(setup, found) is None


def test_weights_are_drawn_where_they_are_not_one(course):
    setup, found = course("sum", "joint_kd")
    chart = weights_chart(setup, found)
    assert chart.data[0]["y"] == [0.2] * 20
    for _, lines in found.values():
        for line in lines:
            line.weights[:] = 1.0
    assert weights_chart(setup, found) is None


def test_conflicts_are_drawn_of_strategies_that_measured_them_and_the_others_are_named(course):
    setup, found = course("sum", "joint_kd", "pcgrad")
    chart = conflicts_chart(setup, found)
    drawn = {trace["name"]: trace["y"] for trace in chart.data}
    assert drawn == {task.name: pytest.approx([0.1 * at] * 20) for at, task in enumerate(setup.tasks)}
    assert [name for name in found if f"`{name}`" in chart.said] == ["sum", "joint_kd"]


def test_where_no_gradients_are_compared_there_are_no_conflicts_to_draw(course):
    setup, found = course("sum", "joint_kd")
    assert conflicts_chart(setup, found) is None

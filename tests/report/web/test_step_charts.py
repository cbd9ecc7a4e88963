import pytest

from ray_mtlkd.report.web.step_charts import conflicts_chart, weights_chart


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

import itertools

from ray_mtlkd.report.web.course_charts import phases_chart


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


def test_whose_course_it_is_stands_in_the_menu_or_where_there_is_none_in_the_title(course):
    alone, both = (phases_chart(*course(*names)).layout for names in (["joint_kd"], ["joint_kd", "sequential_kd"]))
    assert "joint_kd (seed 2)" in alone["title"]["text"]
    assert "updatemenus" not in alone
    assert "seed" not in both["title"]["text"]
    assert [button["label"] for button in both["updatemenus"][0]["buttons"]] == [
        "joint_kd (seed 2)",
        "sequential_kd (seed 2)",
    ]

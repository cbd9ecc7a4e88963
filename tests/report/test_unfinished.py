from ray_mtlkd.report import tables
from ray_mtlkd.report.summary import ALL_SETUPS, summarise
from ray_mtlkd.report.unfinished import footnote, unfinished

LATE = ["the budget ended before t1 had trained and been evaluated: metrics are of the last step"]


def _trials(made, setup):
    yield from (made("sum", seed=seed, test=[0.5, 0.5], setup=setup) for seed in (1, 2))
    yield made("joint_kd", seed=1, test=[0.6, 0.5], setup=setup)
    yield made("joint_kd", seed=2, test=[0.7, 0.5], setup=setup, notes=LATE if setup == "a" else [])


def test_only_strategies_with_such_a_trial_are_found_and_setups_add_up(made, setups_of):
    setups = setups_of(*_trials(made, "a"), *_trials(made, "b"))
    assert [(each.strategy, each.tasks, each.trials, each.of) for each in unfinished(setups)] == [
        ("joint_kd", ("t1",), 1, 4)
    ]
    assert unfinished(setups[1:]) == ()
    assert footnote(()) == ""


def test_their_gains_are_marked_and_a_line_below_the_table_says_why(made, setups_of):
    summary = summarise(setups_of(*_trials(made, "a"), *_trials(made, "b")))
    assert "†" not in tables.gains(summary, "b")
    lines = tables.gains(summary, "a").splitlines()
    assert [line.count("†") for line in lines[2:4]] == [0, 2]
    assert lines[-1] == (
        "† in 1 of 2 trials the budget ended before every task had trained (`joint_kd`: t1 in 1 of 2): "
        "the missing tasks count as untrained."
    )
    assert "in 1 of 4 trials" in tables.gains(summary, ALL_SETUPS)

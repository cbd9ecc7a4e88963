import numpy as np


def test_rows_are_seeds_and_columns_are_tasks_in_the_order_of_their_index(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=2, test=[0.3, 0.4], signs=[1, -1]),
        made("sum", seed=1, test=[0.1, 0.2], valid=[0.5, 0.6], signs=[1, -1])[::-1],
    )
    runs = setup.of("sum")
    assert [task.name for task in setup.tasks] == ["t0", "t1"]
    assert setup.signs.tolist() == [1, -1]
    assert runs.keys == (("w", 1), ("w", 2))
    assert runs.per_task["test"].tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert runs.per_task["valid"][0].tolist() == [0.5, 0.6]
    assert runs.per_trial["wall_s"].tolist() == [2.0, 2.0]


def test_only_finished_replicates_are_runs(made, failed, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("sum", seed=0, test=[0.9], stage="search"),
        failed(made("sum", seed=2, test=[0.5]), "loss is NaN"),
    )
    assert setup.of("sum").keys == (("w", 1),)
    assert setup.of("sum").missing == (("w", 2),)


def test_a_strategy_that_never_finished_is_kept_without_runs(made, failed, setups_of):
    (setup,) = setups_of(made("sum", seed=1, test=[0.5]), failed(made("pcgrad", seed=1, test=[0.5]), "loss is NaN"))
    assert [runs.strategy.name for runs in setup.runs] == ["sum", "pcgrad"]
    assert setup.of("pcgrad") is None


def test_a_seed_of_a_sweep_without_the_strategy_is_not_missing(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("pcgrad", seed=1, test=[0.5]),
        made("sum", seed=7, test=[0.5], sweep="v"),
    )
    assert setup.of("pcgrad").missing == ()


def test_strategies_stand_by_role_with_sum_first(made, setups_of):
    names = ("single_task", "stop", "joint_kd", "gradnorm", "sum")
    (setup,) = setups_of(*(made(name, seed=1, test=[0.5]) for name in names))
    assert [runs.strategy.name for runs in setup.runs] == ["sum", "gradnorm", "joint_kd", "stop", "single_task"]


def test_an_absent_retention_is_nan(made, setups_of):
    (setup,) = setups_of(made("sum", seed=1, test=[0.5]))
    assert np.isnan(setup.of("sum").per_task["retention"]).all()


def test_a_trial_that_lacks_a_task_is_an_error_that_names_it(made, setups_of, refused):
    whole, short = made("sum", seed=1, test=[0.5, 0.5]), made("sum", seed=2, test=[0.5, 0.5])[:1]
    with refused():
        setups_of(whole, short)


def test_sweeps_that_disagree_on_a_setups_tasks_are_an_error(made, setups_of, refused):
    with refused():
        setups_of(made("sum", seed=1, test=[0.5]), made("sum", seed=1, test=[0.5], sweep="v", metric="f1"))


def test_a_strategy_that_means_two_things_is_an_error(made, setups_of, refused):
    with refused():
        setups_of(made("sum", seed=1, test=[0.5]), made("sum", seed=2, test=[0.5], balancer="pcgrad"))

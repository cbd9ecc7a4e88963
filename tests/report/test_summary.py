import pytest

from ray_mtlkd.report.summary import ALL_SETUPS, summarise


def _trials(made, gains, **columns):
    """One task whose ``sum`` has 0.5, and a gain in percent over it by strategy and seed."""
    return [
        made(name, seed=seed, test=[0.5 * (1 + percent / 100)], **columns)
        for name, seeds in {"sum": dict.fromkeys(next(iter(gains.values())), 0.0), **gains}.items()
        for seed, percent in seeds.items()
    ]


def test_cells_hold_gains_over_each_reference(made, setups_of):
    gains = {"joint_kd": {1: 10.0, 2: 12.0}, "static": {1: 4.0, 2: 4.0}, "single_task": {1: -20.0, 2: -20.0}}
    found = summarise(setups_of(*_trials(made, gains)))
    assert found.best_baselines == {"s": "static"}
    assert found.cells["s", "joint_kd", "sum"].estimate.mean == pytest.approx(11.0)
    assert found.cells["s", "joint_kd", "best_baseline"].against == "static"
    assert found.cells["s", "joint_kd", "best_baseline"].estimate.mean == pytest.approx(100 * (1.11 / 1.04 - 1))
    assert found.cells["s", "joint_kd", "single_task"].estimate.mean == pytest.approx(100 * (1.11 / 0.8 - 1))
    assert found.ranks["s", "joint_kd"] == 1.0
    assert found.sections == ("s",)
    assert found.total == "s"


def test_a_reference_is_not_compared_with_itself(made, setups_of):
    found = summarise(setups_of(*_trials(made, {"static": {1: 4.0, 2: 4.0}})))
    assert found.cells["s", "static", "best_baseline"].state == "self"
    assert found.cells["s", "sum", "sum"].state == "self"


def test_without_single_task_its_column_is_missing(made, setups_of):
    found = summarise(setups_of(*_trials(made, {"static": {1: 4.0}})))
    assert found.cells["s", "static", "single_task"].state == "missing"


def test_a_strategy_without_a_shared_seed_is_missing(made, setups_of):
    found = summarise(setups_of(made("sum", seed=1, test=[0.5]), made("joint_kd", seed=2, test=[0.6])))
    assert found.cells["s", "joint_kd", "sum"].state == "missing"
    assert ("s", "joint_kd") not in found.ranks


def test_a_zero_reference_is_undefined_with_a_warning_that_names_the_task(made, setups_of):
    found = summarise(
        setups_of(
            made("sum", seed=1, valid=[0.5, 0.5], test=[0.5, 0.0]),
            made("joint_kd", seed=1, valid=[0.5, 0.5], test=[0.6, 0.6]),
        )
    )
    assert found.cells["s", "joint_kd", "sum"].state == "undefined"
    assert found.warnings == (
        "s: the gain of joint_kd over sum is undefined, because the accuracy of sum is 0 on task t1",
    )


def test_over_all_setups_the_interval_is_over_shared_seeds(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0, 2: 12.0}}, setup="a")
    second = _trials(made, {"joint_kd": {1: 20.0, 2: 18.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    cell = found.cells[ALL_SETUPS, "joint_kd", "sum"]
    assert (cell.estimate.mean, cell.estimate.low, cell.estimate.high) == pytest.approx((15.0, 15.0, 15.0))
    assert found.ranks[ALL_SETUPS, "joint_kd"] == 1.0
    assert found.sections == (ALL_SETUPS, "a", "b")


def test_setups_that_share_no_seed_have_a_mean_without_interval(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0, 2: 12.0}}, setup="a")
    second = _trials(made, {"joint_kd": {3: 20.0, 4: 18.0}}, setup="b")
    estimate = summarise(setups_of(*first, *second)).cells[ALL_SETUPS, "joint_kd", "sum"].estimate
    assert (estimate.mean, estimate.low, estimate.difference) == (pytest.approx(15.0), None, "not shown")


def test_a_best_baseline_of_one_setup_gains_nothing_there(made, setups_of):
    first = _trials(made, {"static": {1: 10.0}, "pcgrad": {1: 0.0}}, setup="a")
    second = _trials(made, {"static": {1: 0.0}, "pcgrad": {1: 25.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    assert found.best_baselines == {"a": "static", "b": "pcgrad"}
    cell = found.cells[ALL_SETUPS, "static", "best_baseline"]
    assert cell.against == ""
    assert cell.estimate.mean == pytest.approx((0.0 - 20.0) / 2)


def test_only_strategies_of_all_setups_are_compared_over_all(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0}, "pcgrad": {1: 1.0}}, setup="a")
    second = _trials(made, {"joint_kd": {1: 10.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    assert [strategy.name for strategy in found.strategies[ALL_SETUPS]] == ["sum", "joint_kd"]


def test_several_sweeps_of_a_setup_are_paired_within_each(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0}}, sweep="v")
    second = _trials(made, {"joint_kd": {1: 20.0}}, sweep="w")
    estimate = summarise(setups_of(*first, *second)).cells["s", "joint_kd", "sum"].estimate
    assert (estimate.mean, estimate.seeds) == (pytest.approx(15.0), 2)

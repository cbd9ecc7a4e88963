import pytest

from ray_mtlkd.report.section import ALL_SETUPS
from ray_mtlkd.report.summary import summarise


def _trials(made, gains, **columns):
    """One task whose ``sum`` has 0.5, and a gain in percent over it by strategy and seed."""
    return [
        made(name, seed=seed, test=[0.5 * (1 + percent / 100)], **columns)
        for name, seeds in {"sum": dict.fromkeys(next(iter(gains.values())), 0.0), **gains}.items()
        for seed, percent in seeds.items()
    ]


def test_cells_hold_differences_and_gains_over_each_reference(made, setups_of):
    gains = {"joint_kd": {1: 10.0, 2: 12.0}, "static": {1: 4.0, 2: 4.0}, "single_task": {1: -20.0, 2: -20.0}}
    found = summarise(setups_of(*_trials(made, gains)))
    cells = {
        reference: found.cells["s", "joint_kd", reference] for reference in ("sum", "best_baseline", "single_task")
    }
    assert found.parts["s"].best_name == "static"
    assert cells["best_baseline"].against == "static"
    assert [cell.skill.mean for cell in cells.values()] == pytest.approx([5.5, 3.5, 15.5])  # of a skill of 50 points
    wanted = [11.0, 100 * (1.11 / 1.04 - 1), 100 * (1.11 / 0.8 - 1)]
    assert [cell.gain.mean for cell in cells.values()] == pytest.approx(wanted)
    assert found.ranks["s", "joint_kd"] == 1.0
    assert found.sections == ("s",)
    assert found.total == "s"


def test_each_tasks_share_of_a_gain_is_told(made, setups_of):
    trials = [
        made(name, seed=seed, test=test)
        for name, test in {"sum": [0.1, 0.8], "static": [0.2, 0.76]}.items()
        for seed in (1, 2)
    ]
    cell = summarise(setups_of(*trials)).cells["s", "static", "sum"]
    assert cell.by_task == pytest.approx({"t0": 50.0, "t1": -2.5})
    assert cell.gain.mean == pytest.approx(47.5)
    assert cell.skill.mean == pytest.approx(3.0)  # the scale of the decision is not ruled by a metric near zero


def test_a_reference_is_not_compared_with_itself(made, setups_of):
    found = summarise(setups_of(*_trials(made, {"static": {1: 4.0, 2: 4.0}})))
    assert found.cells["s", "static", "best_baseline"].state == "self"
    assert found.cells["s", "sum", "sum"].state == "self"


def test_without_single_task_there_is_nothing_to_compare_with(made, setups_of):
    found = summarise(setups_of(*_trials(made, {"static": {1: 4.0}})))
    assert found.cells["s", "static", "single_task"].state == "none"


def test_of_several_that_train_one_model_a_task_the_best_on_validation_is_the_reference(made, setups_of):
    gains = {"single_task a": {1: 10.0, 2: 10.0}, "single_task b": {1: 20.0, 2: 20.0}}
    for setups in (("s",), ("s", "other")):
        trials = [trial for setup in setups for trial in _trials(made, gains, setup=setup)]
        found = summarise(setups_of(*trials))
        for where in found.sections:
            cells = {name: found.cells[where, name, "single_task"] for name in ("sum", *gains)}
            assert found.parts[where].who("single_task") == "single_task b"
            assert cells["sum"].skill.mean == pytest.approx(-10.0)
            assert cells["sum"].gain.mean == pytest.approx(100 * (1 / 1.2 - 1))
            assert cells["single_task a"].skill.mean == pytest.approx(-5.0)
            assert cells["single_task b"].state == "self"


def test_a_strategy_without_a_shared_seed_is_missing(made, setups_of):
    found = summarise(setups_of(made("sum", seed=1, test=[0.5]), made("joint_kd", seed=2, test=[0.6])))
    assert found.cells["s", "joint_kd", "sum"].state == "missing"


def test_what_the_budget_did_not_reach_is_not_compared_and_never_the_best_baseline(made, setups_of):
    late = [{"kind": "untrained", "task": "t0", "text": "the budget ended before t0 had trained"}]
    found = summarise(
        setups_of(
            *(made("sum", seed=seed, valid=[0.5], test=[0.5]) for seed in (1, 2)),
            *(made("static", seed=seed, valid=[0.9], test=[0.1], warnings=late) for seed in (1, 2)),
        )
    )
    assert found.cells["s", "static", "sum"].state == "budget"
    assert found.parts["s"].best_name == "sum"
    assert ("s", "static") not in found.ranks


def test_a_zero_reference_leaves_a_difference_but_no_gain_and_a_warning_names_the_task(made, setups_of):
    found = summarise(
        setups_of(
            made("sum", seed=1, valid=[0.5, 0.5], test=[0.5, 0.0]),
            made("joint_kd", seed=1, valid=[0.5, 0.5], test=[0.6, 0.6]),
            made("stop", seed=1, valid=[0.5, 0.5], test=[0.6, 0.7]),
        )
    )
    cell = found.cells["s", "joint_kd", "sum"]
    assert (cell.state, cell.gain, cell.skill.mean) == ("known", None, pytest.approx(35.0))
    told = [warning for warning in found.warnings if "over sum" in warning]
    assert told == ["s: gains over sum are undefined for joint_kd, stop, because the accuracy of sum is 0 on task t1"]


def test_over_all_setups_the_interval_is_over_shared_seeds(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0, 2: 12.0}}, setup="a")
    second = _trials(made, {"joint_kd": {1: 20.0, 2: 18.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    cell = found.cells[ALL_SETUPS, "joint_kd", "sum"]
    assert (cell.gain.mean, cell.gain.low, cell.gain.high) == pytest.approx((15.0, 15.0, 15.0))
    assert (cell.skill.mean, *cell.skill.raw) == pytest.approx((7.5, 7.5, 7.5))
    assert found.ranks[ALL_SETUPS, "joint_kd"] == 1.0
    assert found.sections == (ALL_SETUPS, "a", "b")


def test_all_pairs_of_all_setups_are_one_family(made, setups_of):
    gains = {"joint_kd": {1: 10.0, 2: 12.0}, "stop": {1: 9.0, 2: 8.0}}
    found = summarise(setups_of(*_trials(made, gains, setup="a"), *_trials(made, gains, setup="b")))
    assert {part.comparison.family for part in found.parts.values()} == {9}  # three pairs in two setups and over both


def test_setups_that_share_no_seed_are_not_compared_over_all(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0, 2: 12.0}}, setup="a")
    second = _trials(made, {"joint_kd": {3: 20.0, 4: 18.0}}, setup="b")
    assert summarise(setups_of(*first, *second)).cells[ALL_SETUPS, "joint_kd", "sum"].state == "missing"


def test_a_best_baseline_of_one_setup_gains_nothing_there(made, setups_of):
    first = _trials(made, {"static": {1: 10.0}, "pcgrad": {1: 0.0}}, setup="a")
    second = _trials(made, {"static": {1: 0.0}, "pcgrad": {1: 25.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    assert [found.parts[name].best_name for name in ("a", "b", ALL_SETUPS)] == ["static", "pcgrad", None]
    cell = found.cells[ALL_SETUPS, "static", "best_baseline"]
    assert cell.against == ""
    assert cell.gain.mean == pytest.approx((0.0 - 20.0) / 2)
    assert cell.skill.mean == pytest.approx((0.0 - 12.5) / 2)


def test_only_strategies_of_all_setups_are_compared_over_all(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0}, "pcgrad": {1: 1.0}}, setup="a")
    second = _trials(made, {"joint_kd": {1: 10.0}}, setup="b")
    found = summarise(setups_of(*first, *second))
    assert [strategy.name for strategy in found.strategies(ALL_SETUPS)] == ["sum", "joint_kd"]


def test_several_sweeps_of_a_setup_are_paired_within_each(made, setups_of):
    first = _trials(made, {"joint_kd": {1: 10.0}}, sweep="v")
    second = _trials(made, {"joint_kd": {1: 20.0}}, sweep="w")
    cell = summarise(setups_of(*first, *second)).cells["s", "joint_kd", "sum"]
    assert (cell.gain.mean, cell.gain.seeds) == (pytest.approx(15.0), 2)
    assert (cell.skill.mean, cell.skill.seeds) == (pytest.approx(7.5), 2)

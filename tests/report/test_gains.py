import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_mtlkd.report.gains import across, gain, paired


def _gain(setup, strategy, reference, split="test"):
    return paired(setup.of(strategy), setup.of(reference), setup=setup, split=split)


def test_gain_is_the_mean_relative_improvement_in_percent():
    # (0.88 - 0.80) / 0.80 = 10 %, (0.51 - 0.50) / 0.50 = 2 %: mean 6 %
    found = gain(np.array([[0.88, 0.51]]), np.array([[0.80, 0.50]]), np.array([1.0, 1.0]))
    assert found == pytest.approx([6.0])


def test_a_lower_rmse_is_a_gain():
    # accuracy 0.80 -> 0.84 is 5 %, rmse 2.0 -> 1.5 is 25 %: mean 15 %
    found = gain(np.array([[0.84, 1.5]]), np.array([[0.80, 2.0]]), np.array([1.0, -1.0]))
    assert found == pytest.approx([15.0])


def test_a_negative_reference_is_measured_by_its_size():
    # R2 from -0.5 to 0.5 with |b| = 0.5 is 200 %
    assert gain(np.array([[0.5]]), np.array([[-0.5]]), np.array([1.0])) == pytest.approx([200.0])


def test_a_zero_reference_is_not_divided_by():
    assert np.isnan(gain(np.array([[0.5]]), np.array([[0.0]]), np.array([1.0]))).all()


@given(st.lists(st.floats(0.1, 1), min_size=1, max_size=5), st.sampled_from([1.0, -1.0]), st.floats(0.5, 20))
def test_a_gain_does_not_depend_on_the_metrics_unit(metrics, sign, unit):
    ours, base = np.array([metrics]), np.full((1, len(metrics)), 0.5)
    signs = np.full(len(metrics), sign)
    assert gain(ours * unit, base * unit, signs) == pytest.approx(gain(ours, base, signs), abs=1e-9)


def test_pairs_share_sweep_and_seed_whatever_the_order(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=2, test=[0.5]),
        made("sum", seed=1, test=[0.4]),
        made("joint_kd", seed=1, test=[0.6]),
        made("joint_kd", seed=2, test=[0.6]),
        made("sum", seed=1, test=[0.2], sweep="v"),
        made("joint_kd", seed=1, test=[0.3], sweep="v"),
        made("joint_kd", seed=3, test=[0.9]),
    )
    found = _gain(setup, "joint_kd", "sum")
    assert found.keys == (("v", 1), ("w", 1), ("w", 2))
    assert found.percent == pytest.approx([50.0, 50.0, 20.0])


def test_one_undefined_seed_leaves_the_gain_undefined_and_names_the_task(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5, 0.5]),
        made("sum", seed=2, test=[0.5, 0.0]),
        made("joint_kd", seed=1, test=[0.6, 0.6]),
        made("joint_kd", seed=2, test=[0.6, 0.6]),
    )
    found = _gain(setup, "joint_kd", "sum")
    assert found.undefined == ("the accuracy of sum is 0 on task t1",)
    assert len(found.percent) == 0


def test_a_metric_that_is_not_finite_is_named(made, setups_of):
    (setup,) = setups_of(made("sum", seed=1, test=[0.5]), made("joint_kd", seed=1, test=[float("nan")]))
    assert _gain(setup, "joint_kd", "sum").undefined == ("the accuracy on task t0 is missing or not finite",)


def test_a_task_of_weight_zero_adds_nothing_and_shares_add_up(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5, 0.5, 0.5]),
        made("joint_kd", seed=1, test=[0.6, 0.55, 0.4]),
        made("static", seed=1, test=[1, 1, 1]),
    )
    found = _gain(setup, "joint_kd", "sum")
    # 20 %, 10 % and -20 %, each a third
    assert found.by_task == pytest.approx([20 / 3, 10 / 3, -20 / 3])
    assert found.percent == pytest.approx([found.by_task.sum()])
    weights = np.array([1.0, 3.0, 0.0])
    assert gain(np.array([[0.6, 0.55, 0.4]]), np.full((1, 3), 0.5), np.ones(3), weights) == pytest.approx([12.5])


def test_configurations_of_a_seed_count_with_their_mean(made, setups_of):
    (setup,) = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("joint_kd", seed=1, test=[0.5], config_index=2),
        made("joint_kd", seed=1, test=[0.6], config_index=5),
    )
    assert _gain(setup, "joint_kd", "sum").percent == pytest.approx([10.0])


def test_the_mean_over_setups_pairs_seeds_that_ran_in_all_of_them(made, setups_of):
    first, second = setups_of(
        *(made("sum", seed=seed, test=[0.5], setup=name) for seed in (1, 2, 3) for name in ("a", "b")),
        made("joint_kd", seed=1, test=[0.55], setup="a"),
        made("joint_kd", seed=2, test=[0.60], setup="a"),
        made("joint_kd", seed=2, test=[0.65], setup="b"),
        made("joint_kd", seed=3, test=[0.50], setup="b"),
    )
    per_seed, mean = across([_gain(first, "joint_kd", "sum"), _gain(second, "joint_kd", "sum")])
    assert per_seed == pytest.approx([25.0])  # seed 2: 20 % and 30 %
    assert mean == pytest.approx(15.0)  # setups' means: 15 % and 15 %

from dataclasses import replace

import pytest

from ray_mtlkd.report.load import read
from ray_mtlkd.report.undistilled import undistilled


@pytest.fixture
def said(write, tmp_path):
    return lambda *trials: undistilled(read([str(write(tmp_path, iter(trials)))]))


def test_a_strategy_that_relabelled_once_is_not_told(said, made, fake_trial):
    quiet = made("joint_kd", seed=1, test=[0.5], setup="similar", sweep="fake-1a2b3c4d", converged_step=None)
    assert said(fake_trial(setup="similar", strategy="joint_kd", seed=2), quiet) == []
    assert said(made("sum", seed=1, test=[0.5])) == []


def test_a_strategy_none_of_whose_tasks_converged_trained_like_its_balancer(said, made):
    trials = [made("joint_kd", seed=seed, test=[0.5], converged_step=None) for seed in (1, 2)]
    other = [replace(trials[0][0], strategy="joint_kd+gradnorm", balancer="gradnorm", trial="other")]
    assert said(*trials, other) == [
        "s: no task converged within the budget, so `joint_kd` trained like `sum`",
        "s: no task converged within the budget, so `joint_kd+gradnorm` trained like `gradnorm`",
    ]


def test_a_task_may_converge_too_late_to_be_relabelled(said, made):
    assert said(made("sequential_kd", seed=1, test=[0.5], converged_step=9)) == [
        "s: no task was relabelled within the budget, so `sequential_kd` trained like `sequential`"
    ]

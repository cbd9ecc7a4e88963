import numpy as np
import pytest

from ray_mtlkd.report.best_baseline import BEST_BASELINE
from ray_mtlkd.report.section import section, without

LATE = [{"kind": "untrained", "task": "t0", "text": "the budget ended before t0 had trained"}]


def _trials(made, levels, *, seeds=(1, 2, 3), setup="s"):
    return [
        made(name, seed=seed, test=[level + seed / 1000, 0.5], setup=setup)
        for name, level in levels.items()
        for seed in seeds
    ]


def test_why_a_strategy_is_not_compared_is_known(made, failed, setups_of):
    setups = setups_of(
        *_trials(made, {"sum": 0.5}),
        made("sequential", seed=1, test=[0.0, 0.5], warnings=LATE),
        made("stop", seed=1, test=[float("nan"), 0.5]),
        failed(made("joint_kd", seed=1, test=[0.5, 0.5]), "loss is NaN"),
    )
    found = section(setups, margin=0.5)
    assert found.left_out == {"sequential": "budget", "stop": "undefined", "joint_kd": "missing"}
    assert found.compared == ("sum",)


def test_pairs_with_the_best_baseline_count_once_where_it_is_one_strategy(made, setups_of):
    found = section(setups_of(*_trials(made, {"sum": 0.5, "static": 0.6, "stop": 0.4})), margin=0.5)
    assert found.best_name == "static"
    assert found.comparison.strategies == ("sum", "static", "stop", BEST_BASELINE)
    assert found.pairs == 3


def test_a_task_that_does_not_count_leaves_the_others(made, setups_of):
    (setup,) = setups_of(*_trials(made, {"sum": 0.5, "stop": 0.9}))
    assert section([setup], margin=0.5).comparison.contrast("stop", "sum").mean == pytest.approx(20.0)
    assert section([without(setup, 0)], margin=0.5).comparison.contrast("stop", "sum").mean == pytest.approx(0.0)
    assert without(without(setup, 0), 1) is None


def test_rows_of_setups_are_drawn_apart_and_the_best_baseline_is_a_mixture(made, setups_of):
    setups = setups_of(
        *(trial for name in ("a", "b") for trial in _trials(made, {"sum": 0.5, "static": 0.6}, setup=name))
    )

    def rows(_, strategies):
        return 8.0 * (1 - np.eye(len(strategies)))

    found = section(setups, margin=0.5, rows=rows)
    variances = found.comparison.variances["rows"]
    names = found.comparison.strategies
    assert variances[names.index("sum"), names.index("static")] == pytest.approx(4.0)
    assert variances[names.index(BEST_BASELINE), names.index("static")] == pytest.approx(0.0)
    assert found.rows_known


def test_ranks_are_averaged_over_seeds_and_ties_share(made, setups_of):
    setups = setups_of(
        made("sum", seed=1, test=[0.5]),
        made("sum", seed=2, test=[0.5]),
        made("static", seed=1, test=[0.5]),
        made("static", seed=2, test=[0.4]),
        made("joint_kd", seed=1, test=[0.6]),
        made("joint_kd", seed=2, test=[0.6]),
    )
    # seed 1: 2.5, 2.5, 1; seed 2: 2, 3, 1
    assert section(setups, margin=0.5).ranks() == {"sum": 2.25, "static": 2.75, "joint_kd": 1.0}


def test_a_strategy_that_lost_a_seed_is_ranked_on_the_others(made, setups_of):
    setups = setups_of(
        made("sum", seed=1, test=[0.5]), made("sum", seed=2, test=[0.5]), made("joint_kd", seed=2, test=[0.6])
    )
    assert section(setups, margin=0.5).ranks() == {"sum": 1.5, "joint_kd": 1.0}

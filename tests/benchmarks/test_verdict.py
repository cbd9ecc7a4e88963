from dataclasses import replace

import numpy as np
import pytest

from benchmarks.verdict import BETTER, WORLDS, outcomes, said_twice


@pytest.mark.parametrize("name", ["equal, one configuration", "equal, two configurations"])
def test_equal_strategies_are_seldom_told_apart(name):
    found = outcomes(WORLDS[name], seeds=4, sweeps=120)
    assert np.mean([each.false for each in found]) <= 0.1  # 120 sweeps: standard error 2 % at 5 %
    assert np.mean([each.shipped not in (None, "sum") for each in found]) <= 0.1
    assert 0.92 <= np.mean([each.covered for each in found]) <= 0.98
    assert np.mean([each.alone_false for each in found]) > 0.15


def test_a_strategy_that_is_far_better_is_found_and_shipped():
    found = outcomes(replace(WORLDS["equal, one configuration"], gain=4.0), seeds=6, sweeps=30)
    assert np.mean([each.found for each in found]) > 0.9
    assert np.mean([each.shipped == BETTER for each in found]) > 0.9


def test_two_machines_do_not_contradict_each_other():
    found = said_twice(replace(WORLDS["equal, two configurations"], gain=4.0), seeds=3, sweeps=30)
    assert not any(each.contradicts or each.reverse for each in found)
    assert np.mean([BETTER in each.shipped for each in found]) > 0.5

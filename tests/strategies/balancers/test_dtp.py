import math
from dataclasses import replace

import numpy as np
import pytest

from ray_mtlkd.strategies.balancers.dtp import DTP
from tests.gramians import step


def weigh(skills, state=None, *, distilling=frozenset(), gamma=2.0):
    balancer = DTP(gamma=gamma)
    signals = replace(step(np.eye(len(skills))), skills=skills, distilling=distilling)
    found, after = balancer.weigh(signals, state or balancer.init(len(skills)))
    return found.shared, after


def test_the_weights_have_the_ratio_of_the_focal_losses_of_the_skills():
    (first, second), _ = weigh((0.9, 0.5))
    # FL(k) = -(1 - k)^2 log k
    assert first / second == pytest.approx(0.01 * math.log(0.9) / (0.25 * math.log(0.5)))
    assert first + second == pytest.approx(2)


def test_before_an_evaluation_and_below_the_trivial_predictor_a_task_has_no_skill():
    found, _ = weigh((None, -3.0, 0.5))
    assert found[0] == found[1] > found[2]


def test_tasks_that_are_solved_still_share_the_weights():
    assert weigh((1.0, 1.0))[0] == pytest.approx((1.0, 1.0))


def test_a_task_that_distils_keeps_the_skill_that_it_had():
    before, state = weigh((0.4, 0.6))
    after, kept = weigh((0.99, 0.6), state, distilling=frozenset({0}))
    assert (after, kept) == (before, state)

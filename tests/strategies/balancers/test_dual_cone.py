import numpy as np
import pytest

from ray_mtlkd.strategies.balancers.dual_cone import project
from ray_mtlkd.strategies.balancers.dual_proj import DualProj
from ray_mtlkd.strategies.balancers.upgrad import UPGrad
from tests.gramians import step, weights


@pytest.mark.parametrize("angle", [1e-9, 1e-7, 1e-5, 1e-3])
def test_gradients_that_nearly_oppose_each_other_are_weighed_by_no_more_than_rounding_allows(angle):
    # Only directions across the first gradient are good for the others, by so little that 1 / angle of them cancels it.
    gradients = np.array([[1.0, 0.0], [-angle, 1.0], [-angle, -1.0]])
    for balancer in (UPGrad(), DualProj()):
        found = weights(balancer, gradients)
        # 1e-6 of squared lengths is added, which 1e3 lengths balance.
        assert found.max() <= 1e3
        update = found @ gradients
        assert (gradients @ update).min() >= -1e-6 * found.sum()


@pytest.mark.parametrize("balancer", [UPGrad(), DualProj()], ids=lambda each: each.name)
def test_dependent_gradients_whose_products_are_rounded_are_weighed_to_their_own_length(balancer):
    rng = np.random.default_rng(0)
    for _ in range(100):
        count, rank = rng.integers(3, 41), rng.integers(1, 6)
        gradients = rng.standard_normal((count, rank)) * 10.0 ** rng.uniform(-2, 2, (count, 1))
        lengths = np.linalg.norm(gradients, axis=1)
        error = 1e-7 * rng.uniform(-1, 1, (count, count)) * lengths * lengths[:, None]
        signals = step(gradients @ gradients.T + error + error.T)
        found = np.array(balancer.weigh(signals, balancer.init(count))[0].shared)
        assert found @ lengths <= 1e3 * lengths.sum()


def test_a_combination_that_opposes_nobody_stays_as_it_is_to_the_bit():
    gram = np.array([[1.0, 0.5], [0.5, 1e-12]])
    assert project(gram.tolist(), np.array([[1.0, 0.3]])).tolist() == [[1.0, 0.3]]

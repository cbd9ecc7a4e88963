"""TorchJD's own method needs cvxpy with all its solvers, and stops short of the solution on some Gramians."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ray_mtlkd.strategies.balancers.nash_mtl import NashMTL
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("count", [2, 3, 4])
def test_the_direction_has_the_largest_product_of_gains(count):
    for seed in range(5):
        gradients = jacobian(count, seed=seed, decades=0.3)
        start = weights(NashMTL(), gradients) @ gradients

        def loss(d, gradients=gradients):
            return -np.log(np.maximum(gradients @ d / np.linalg.norm(d), 1e-300)).sum()

        # The paper's problem itself, in the space of the parameters, from elsewhere.
        best = minimize(loss, np.linalg.pinv(gradients) @ np.ones(count), method="BFGS", options={"gtol": 1e-7}).x
        # BFGS's own tolerance.
        assert np.allclose(start / np.linalg.norm(start), best / np.linalg.norm(best), atol=1e-4)


def test_two_tasks_gain_by_their_unit_gradients():
    # (G w)_i = 1 / w_i is solved by w_i = 1 / (|g_i| sqrt(1 + cosine)).
    for seed in range(5):
        gradients = jacobian(2, seed=seed)
        norms = np.linalg.norm(gradients, axis=1)
        # 1e-6 is added to the cosines alike.
        assert weights(NashMTL(), gradients) * norms == pytest.approx([norms.sum() / 2] * 2, rel=1e-6)


def test_weights_and_gains_are_inverse_to_each_other():
    for seed in range(10):
        gradients = jacobian(5, seed=seed, decades=3.0)
        found = weights(NashMTL(), gradients)
        products = found * (gradients @ (found @ gradients))
        # 1e-6 is added to the cosines.
        assert np.allclose(products, products[0], rtol=1e-3)

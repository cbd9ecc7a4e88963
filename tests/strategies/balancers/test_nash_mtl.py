import numpy as np
from scipy.optimize import minimize

from ray_mtlkd.strategies.balancers.nash_mtl import NashMTL
from tests.gramians import jacobian, weights


def test_the_direction_has_the_largest_product_of_gains():
    gradients = jacobian(3, seed=2, width=4, decades=0.3)
    start = weights(NashMTL(), gradients) @ gradients

    def loss(d):
        return -np.log(np.maximum(gradients @ d / np.linalg.norm(d), 1e-300)).sum()

    # The paper's problem itself, in the space of the parameters, from elsewhere.
    best = minimize(loss, np.linalg.pinv(gradients) @ np.ones(3), method="BFGS", options={"gtol": 1e-7}).x
    # BFGS's own tolerance.
    assert np.allclose(start / np.linalg.norm(start), best / np.linalg.norm(best), atol=1e-4)


def test_weights_and_gains_are_inverse_to_each_other():
    for seed in range(10):
        gradients = jacobian(5, seed=seed, decades=3.0)
        found = weights(NashMTL(), gradients)
        products = found * (gradients @ (found @ gradients))
        # 1e-6 is added to the cosines.
        assert np.allclose(products, products[0], rtol=1e-3)

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from ray_mtlkd.strategies.balancers.dual_proj import DualProj
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("count", [2, 5])
def test_the_update_is_torchjd_s_times_the_number_of_tasks(count):
    linalg = pytest.importorskip("torchjd.linalg")
    aggregation = pytest.importorskip("torchjd.aggregation")
    theirs = aggregation.DualProj(projector=linalg.QuadprogProjector(norm_eps=0.0, reg_eps=1e-12))
    for seed in range(5):
        gradients = jacobian(count, seed=seed)
        expected = count * theirs(torch.tensor(gradients)).numpy()
        # Theirs adds 1e-12 to the eigenvalues of G, ours 1e-6 to those of the cosines.
        assert np.allclose(weights(DualProj(), gradients) @ gradients, expected, atol=1e-5 * np.linalg.norm(expected))


def test_the_update_is_the_closest_to_the_sum_that_opposes_no_gradient():
    gradients = jacobian(4, seed=1, width=5, decades=0.3)
    total = gradients.sum(axis=0)
    # The primal problem, in the space of the parameters.
    closest = minimize(
        lambda d: ((d - total) ** 2).sum(),
        total,
        jac=lambda d: 2 * (d - total),
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda d: gradients @ d, "jac": lambda _: gradients},
        options={"ftol": 1e-14},
    ).x
    assert np.abs(closest - total).max() > 0.03
    # SLSQP's own tolerance.
    assert np.allclose(weights(DualProj(), gradients) @ gradients, closest, atol=1e-5)

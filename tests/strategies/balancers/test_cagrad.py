"""TorchJD's own method needs cvxpy with all its solvers: the paper's problem is solved by SciPy instead."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ray_mtlkd.strategies.balancers.cagrad import CAGrad
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("c", [0.2, 0.4, 0.9])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_what_the_worst_off_task_gains_is_what_the_dual_bounds_it_by(count, c):
    # With equal values of the primal and the dual problem both are solved, whatever solved them.
    for seed in range(5):
        gradients = jacobian(count, seed=seed, decades=0.5)
        mean = gradients.mean(axis=0)
        shared = weights(CAGrad(c=c), gradients) * (1 + c) / count
        update, radius = shared @ gradients, c * np.linalg.norm(mean)
        assert np.linalg.norm(update - mean) <= radius * (1 + 1e-6)
        combination = (shared - 1 / count) / (shared - 1 / count).sum()
        combined = combination @ gradients
        bound = combined @ mean + radius * np.linalg.norm(combined)
        # The length of the combination is known to 1e-8.
        assert (gradients @ update).min() == pytest.approx(bound, abs=1e-6 * np.linalg.norm(gradients) ** 2)


@pytest.mark.parametrize("c", [0.2, 0.4, 0.9])
@pytest.mark.parametrize("count", [2, 3, 6])
def test_the_update_is_that_of_the_paper_s_dual_problem(count, c):
    for seed in range(5):
        gradients = jacobian(count, seed=seed, decades=0.5)
        mean = gradients.mean(axis=0)
        radius, unit = c * np.linalg.norm(mean), np.linalg.norm(gradients)

        def dual(w, gradients=gradients, mean=mean, radius=radius, unit=unit):
            return ((w @ gradients) @ mean + radius * np.linalg.norm(w @ gradients)) / unit**2

        solved = minimize(
            dual,
            np.full(count, 1 / count),
            method="SLSQP",
            bounds=[(0, 1)] * count,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            options={"ftol": 1e-14, "maxiter": 1000},
        )
        combined = solved.x @ gradients
        expected = mean + radius * combined / np.linalg.norm(combined)
        found = weights(CAGrad(c=c), gradients) @ gradients * (1 + c) / count
        # SLSQP's finite differences.
        assert np.allclose(found, expected, atol=1e-4 * np.linalg.norm(expected))


def test_no_other_direction_within_reach_serves_the_worst_off_task_better():
    gradients = jacobian(3, seed=0, width=2, decades=0.3)
    mean = gradients.mean(axis=0)
    angles = np.linspace(0, 2 * np.pi, 20_000)
    reach = mean + 0.5 * np.linalg.norm(mean) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    best = reach[(reach @ gradients.T).min(axis=1).argmax()]
    found = weights(CAGrad(c=0.5), gradients) @ gradients * 1.5 / 3
    # The grid's step.
    assert np.allclose(found, best, atol=1e-3 * np.linalg.norm(mean))


def test_without_reach_it_is_the_plain_sum_and_in_agreement_it_is_too():
    assert weights(CAGrad(c=0.0), jacobian(3, seed=0)).tolist() == [1.0, 1.0, 1.0]
    assert weights(CAGrad(c=0.5), np.array([[1.0, 2.0], [1.0, 2.0]])).sum() == pytest.approx(2.0)


@pytest.mark.parametrize("c", [-0.1, 1.0])
def test_a_reach_beyond_the_mean_is_refused(c):
    with pytest.raises(ValueError, match="c\n"):
        CAGrad(c=c)

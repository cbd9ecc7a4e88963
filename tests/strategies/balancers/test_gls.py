import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.gls import GeometricLoss
from tests.gramians import step


def weights_and_losses(seed):
    """Of a step, and its losses as autograd takes them."""
    values = np.random.default_rng(seed).uniform(0.05, 2.0, 3)
    balancer = GeometricLoss()
    found, _ = balancer.weigh(step(np.eye(3), losses=values), balancer.init(3))
    return found.shared, torch.tensor(values, requires_grad=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_are_the_derivatives_of_the_paper_s_loss(seed):
    weights, losses = weights_and_losses(seed)
    (3 * losses.prod() ** (1 / 3)).backward()
    # float64 rounding only.
    assert weights == pytest.approx(losses.grad.tolist(), rel=1e-9)


def test_the_weights_are_those_of_torchjd_times_the_number_of_tasks():
    theirs = pytest.importorskip("torchjd.scalarization").GeometricMean()
    weights, losses = weights_and_losses(0)
    (3 * theirs(losses)).backward()
    assert weights == pytest.approx(losses.grad.tolist(), rel=1e-9)

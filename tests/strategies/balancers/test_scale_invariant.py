import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.scale_invariant import ScaleInvariant
from tests.gramians import step


def weights_and_losses(seed):
    """Of a step, and its losses as autograd takes them."""
    values = np.random.default_rng(seed).uniform(0.05, 2.0, 3)
    balancer = ScaleInvariant()
    found, _ = balancer.weigh(step(np.eye(3), losses=values), balancer.init(3))
    return found.shared, torch.tensor(values, requires_grad=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_weights_are_the_derivatives_of_the_paper_s_loss(seed):
    weights, losses = weights_and_losses(seed)
    (losses.log().sum()).backward()
    # float64 rounding only.
    assert weights == pytest.approx(losses.grad.tolist(), rel=1e-9)


def test_a_loss_of_0_weighs_no_more_than_a_ten_thousandth():
    balancer = ScaleInvariant()
    found, _ = balancer.weigh(step(np.eye(2), losses=(0.0, 1.0)), balancer.init(2))
    assert found.shared == pytest.approx((1e4, 1.0))

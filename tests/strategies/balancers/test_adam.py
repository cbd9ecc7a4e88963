import random

import pytest
import torch

from ray_mtlkd.strategies.balancers.adam import AdamState, descend


@pytest.mark.parametrize("lr", [1e-3, 0.025, 1.0])
def test_a_thousand_steps_equal_those_of_torch(lr):
    rng = random.Random(3)
    parameter = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([parameter], lr=lr)
    value, moments = 0.7, AdamState()
    for _ in range(1000):
        gradient = rng.gauss(0.1, 10 ** rng.uniform(-4, 3))
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        value, moments = descend(value, gradient=gradient, moments=moments, lr=lr)
        # Rounding only: the same operations in another order.
        assert value == pytest.approx(parameter.item(), rel=1e-10, abs=1e-12)


def test_the_first_step_is_as_long_as_the_learning_rate():
    assert descend(1.0, gradient=123.0, moments=AdamState(), lr=0.1)[0] == pytest.approx(0.9)
    assert descend(1.0, gradient=-123.0, moments=AdamState(), lr=0.1)[0] == pytest.approx(1.1)


def test_no_gradient_moves_nothing():
    assert descend(1.0, gradient=0.0, moments=AdamState(), lr=0.1)[0] == 1.0

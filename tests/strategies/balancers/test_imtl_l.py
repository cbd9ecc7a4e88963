from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.imtl_l import IMTLL
from tests.gramians import step


def test_fifty_steps_equal_torchjd_s_loss_and_torch_s_adam():
    theirs = pytest.importorskip("torchjd.scalarization").IMTLL(3).double()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.05)
    balancer, rng = IMTLL(lr=0.05), np.random.default_rng(0)
    state = balancer.init(3)
    for _ in range(50):
        values = rng.uniform(0.1, 2.0, 3)
        losses = torch.tensor(values, requires_grad=True)
        optimizer.zero_grad()
        theirs(losses).backward()
        optimizer.step()
        found, state = balancer.weigh(step(np.eye(3), losses=values), state)
        # The same operations in another order.
        assert found.shared == pytest.approx(losses.grad.tolist(), rel=1e-9)


def test_a_constant_loss_is_scaled_to_1_and_one_of_0_never_to_infinity():
    balancer = IMTLL(lr=1.0)
    state = balancer.init(2)
    for _ in range(300):
        found, state = balancer.weigh(step(np.eye(2), losses=(0.0, 4.0)), state)
    assert found.shared == pytest.approx((np.exp(20), 0.25), rel=1e-2)


def test_a_task_that_distils_keeps_its_scale():
    balancer = IMTLL(lr=0.1)
    _, state = balancer.weigh(step(np.eye(2), losses=(0.5, 2.0)), balancer.init(2))
    _, after = balancer.weigh(replace(step(np.eye(2), losses=(0.0, 2.0)), distilling=frozenset({0})), state)
    assert after.scales[0] == state.scales[0] != after.scales[1]

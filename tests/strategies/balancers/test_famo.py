from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.famo import FAMO
from tests.gramians import step


def test_forty_steps_are_torchjd_s_that_is_told_of_the_next_batch():
    theirs = pytest.importorskip("torchjd.scalarization").FAMO(3, lr=0.05, weight_decay=1e-2).double()
    balancer, rng = FAMO(lr=0.05, decay=1e-2), np.random.default_rng(0)
    state = balancer.init(3)
    for at in range(40):
        values = rng.uniform(0.1, 2.0, 3) * np.array([0.9**at, 1.0, 1.0])
        losses = torch.tensor(values, requires_grad=True)
        if at:
            theirs.update(losses.detach())
        theirs(losses).backward()
        found, state = balancer.weigh(step(np.eye(3), losses=values), state)
        # Theirs adds 1e-8 to losses, of which the smallest is 1e-3.
        assert found.shared == pytest.approx((3 * losses.grad).tolist(), rel=1e-3)


def test_the_task_whose_loss_falls_faster_is_weighed_down():
    balancer = FAMO(lr=0.1, decay=0.0)
    state = balancer.init(2)
    for at in range(10):
        _, state = balancer.weigh(step(np.eye(2), losses=(0.7**at, 0.95**at)), state)
    assert state.logits[0] < 0 < state.logits[1]


def test_a_task_that_distils_keeps_its_logit_and_its_loss():
    balancer = FAMO(lr=0.1)
    state = balancer.init(3)
    for losses in ((1.0, 1.0, 1.0), (0.5, 1.0, 0.8)):
        _, state = balancer.weigh(step(np.eye(3), losses=losses), state)
    _, after = balancer.weigh(replace(step(np.eye(3), losses=(1e-9, 1.0, 0.5)), distilling=frozenset({0})), state)
    assert after.logits[0] == state.logits[0] != after.logits[1]
    assert after.losses.last == (0.5, 1.0, 0.5)

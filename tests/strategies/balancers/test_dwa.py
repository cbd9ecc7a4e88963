from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.dwa import DWA
from tests.gramians import step


def test_the_weights_of_five_spans_are_torchjd_s():
    theirs = pytest.importorskip("torchjd.scalarization").DWA(temperature=1.5)
    balancer, rng = DWA(temperature=1.5, interval=4), np.random.default_rng(0)
    state = balancer.init(3)
    for at in range(20):
        values = rng.uniform(0.1, 2.0, 3)
        losses = torch.tensor(values, requires_grad=True)
        theirs(losses).backward()
        found, state = balancer.weigh(step(np.eye(3), losses=values), state)
        # float64 rounding only.
        assert found.shared == pytest.approx(losses.grad.tolist(), rel=1e-9)
        if at % 4 == 3:
            theirs.step()
    assert max(found.shared) > 1.05


def test_a_task_that_distils_keeps_its_rate():
    balancer = DWA(interval=1)
    state = balancer.init(2)
    for losses in ((1.0, 1.0), (0.5, 1.0)):
        _, state = balancer.weigh(step(np.eye(2), losses=losses), state)
    before, after = balancer.weigh(replace(step(np.eye(2), losses=(1e-9, 1.0)), distilling=frozenset({0})), state)
    again, _ = balancer.weigh(step(np.eye(2), losses=(1.0, 1.0)), after)
    assert again == before
    assert after.spans[0] == state.spans[0]

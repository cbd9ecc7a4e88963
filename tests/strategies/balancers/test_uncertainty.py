import math
import random

import pytest
import torch

from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.uncertainty import Uncertainty
from tests import papers

REGRESSION = (True, False, False, True)


def test_a_hundred_steps_equal_autograd_and_adam_on_the_papers_loss():
    rng = random.Random(0)
    log_variances = [torch.nn.Parameter(torch.tensor(0.3, dtype=torch.float64)) for _ in REGRESSION]
    optimizer = torch.optim.Adam(log_variances, lr=0.05)
    balancer = Uncertainty(lr=0.05, log_variance=0.3)
    state = balancer.init(len(REGRESSION))
    for step in range(100):
        values = [rng.uniform(0.01, 3.0) / (1 + task * step / 50) for task in range(len(REGRESSION))]
        losses = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]
        optimizer.zero_grad()
        papers.uncertainty(losses, log_variances, regression=REGRESSION).backward()
        optimizer.step()

        signals = Signals(tasks=(0, 1, 2, 3), losses=tuple(values), regression=REGRESSION)
        weights, state = balancer.weigh(signals, state)
        # What the loss's gradient is multiplied by; float64 rounding only.
        assert weights.shared == pytest.approx([loss.grad.item() for loss in losses], rel=1e-9)
        assert state.log_variances == pytest.approx([s.item() for s in log_variances], rel=1e-9)


def test_of_regressions_fifty_steps_equal_torchjd_s_loss_and_torch_s_adam():
    theirs = pytest.importorskip("torchjd.scalarization").UW(3).double()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.05)
    balancer, rng = Uncertainty(lr=0.05), random.Random(1)
    state = balancer.init(3)
    for _ in range(50):
        values = tuple(rng.uniform(0.1, 2.0) for _ in range(3))
        losses = torch.tensor(values, dtype=torch.float64, requires_grad=True)
        optimizer.zero_grad()
        theirs(losses).backward()
        optimizer.step()
        found, state = balancer.weigh(Signals(tasks=(0, 1, 2), losses=values, regression=(True,) * 3), state)
        # The same operations in another order.
        assert found.shared == pytest.approx(losses.grad.tolist(), rel=1e-9)


def test_a_constant_loss_settles_where_the_papers_loss_is_least():
    balancer = Uncertainty(lr=0.05)
    state = balancer.init(2)
    signals = Signals(tasks=(0, 1), losses=(4.0, 0.1), regression=(True, False))
    for _ in range(2000):
        weights, state = balancer.weigh(signals, state)
    # d/ds (w L + s/2) = 0 where w L = 1/2.
    assert weights.shared == pytest.approx([0.125, 5.0], rel=1e-3)


def test_a_task_that_takes_no_batch_keeps_its_variance():
    balancer = Uncertainty()
    signals = Signals(tasks=(1,), losses=(2.0,), regression=(False,))
    _, state = balancer.weigh(signals, balancer.init(3))
    assert state.log_variances[0] == state.log_variances[2] == 0.0
    assert state.log_variances[1] == pytest.approx(0.01)


def test_a_task_that_distils_keeps_its_variance_however_small_its_loss():
    balancer = Uncertainty(lr=0.5)
    _, before = balancer.weigh(Signals(tasks=(0,), losses=(2.0,), regression=(True,)), balancer.init(1))
    state, distilling = before, frozenset({0})
    for step in range(50):
        signals = Signals(tasks=(0,), losses=(0.5**step,), regression=(True,), distilling=distilling)
        weights, state = balancer.weigh(signals, state)
    assert state == before
    assert weights.shared == pytest.approx([0.5 * math.exp(-before.log_variances[0])])


def test_a_loss_of_zero_never_drives_the_weight_to_infinity():
    balancer = Uncertainty(lr=1.0)
    state = balancer.init(1)
    for _ in range(200):
        weights, state = balancer.weigh(Signals(tasks=(0,), losses=(0.0,), regression=(False,)), state)
    assert weights.shared[0] == pytest.approx(math.exp(20))


def test_every_field_out_of_range_is_named():
    with pytest.raises(ValueError, match=r"(?s)lr\n.*log_variance\n"):
        Uncertainty(lr=0.0, log_variance=21.0)

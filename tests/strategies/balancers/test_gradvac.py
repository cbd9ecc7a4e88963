import random

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.gradvac import GradVac
from ray_mtlkd.strategies.balancers.pcgrad import PCGrad
from tests.gramians import jacobian, step, weights


class Drawn(random.Random):
    """Shuffles as torch's global generator does, as TorchJD has it do."""

    def shuffle(self, order):
        order[:] = [order[at] for at in torch.randperm(len(order)).tolist()]


@pytest.mark.parametrize("beta", [0.0, 0.3, 1.0])
def test_five_steps_are_torchjd_s(beta):
    aggregation = pytest.importorskip("torchjd.aggregation")
    theirs, balancer = aggregation.GradVacWeighting(beta=beta, eps=0.0), GradVac(beta=beta)
    state = balancer.init(4)
    for seed in range(5):
        gradients = jacobian(4, seed=seed, decades=0.5)
        gram = gradients @ gradients.T
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            expected = theirs(torch.tensor(gram)).numpy()
            torch.manual_seed(seed)
            signals = step(gram)
            object.__setattr__(signals, "rng", Drawn())
            found, state = balancer.weigh(signals, state)
        # The same sums in another order.
        assert np.allclose(found.shared, expected, rtol=1e-9)
        assert np.allclose(state.cosines, theirs._phi_t.numpy(), atol=1e-12)


def test_a_pulled_gradient_has_the_cosine_that_was_expected():
    balancer, gradients = GradVac(beta=1.0), np.array([[1.0, 0.0], [0.6, 0.8]])
    _, state = balancer.weigh(step(gradients @ gradients.T), balancer.init(2))
    assert state.cosines[0][1] == pytest.approx(0.6)
    orthogonal = np.eye(2)
    found, _ = balancer.weigh(step(orthogonal @ orthogonal.T), state)
    # Each gets 3/4 of the other: (1, .75) has the cosine .6 with (0, 1).
    assert found.shared == pytest.approx((1.75, 1.75))


def test_without_memory_it_is_pcgrad():
    gradients = jacobian(4, seed=0)
    assert np.allclose(weights(GradVac(beta=0.0), gradients), weights(PCGrad(), gradients), rtol=1e-12)


@pytest.mark.parametrize("vanished", [0, 1])
def test_a_gradient_of_0_leaves_what_its_pairs_remember_as_it_is(vanished):
    balancer, gradients = GradVac(beta=0.5), np.array([[1.0, 0.0], [0.6, 0.8]])
    _, state = balancer.weigh(step(gradients @ gradients.T), balancer.init(2))
    gradients[vanished] = 0
    found, after = balancer.weigh(step(gradients @ gradients.T), state)
    assert after == state
    assert found.shared == (1.0, 1.0)

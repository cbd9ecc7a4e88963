import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.uw_so import SoftOptimalUncertainty
from tests.gramians import step


@pytest.mark.parametrize("temperature", [0.5, 10.0])
def test_the_weights_are_the_softmax_of_the_inverse_losses(temperature):
    losses = (0.5, 1.5, 0.2)
    balancer = SoftOptimalUncertainty(temperature=temperature)
    found, _ = balancer.weigh(step(np.eye(3), losses=losses), balancer.init(3))
    expected = 3 * torch.softmax(1 / torch.tensor(losses, dtype=torch.float64) / temperature, dim=0)
    # float64 rounding only.
    assert found.shared == pytest.approx(expected.tolist(), rel=1e-9)
    assert sum(found.shared) == pytest.approx(3)

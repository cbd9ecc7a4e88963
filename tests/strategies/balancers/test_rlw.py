import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.rlw import RLW
from tests.gramians import step


def test_the_weights_are_the_softmax_of_normal_numbers_times_the_number_of_tasks():
    found, _ = RLW().weigh(step(np.eye(3), seed=5), ())
    rng = random.Random(5)
    expected = 3 * torch.softmax(torch.tensor([rng.gauss(0, 1) for _ in range(3)], dtype=torch.float64), dim=0)
    assert found.shared == pytest.approx(expected.tolist(), rel=1e-12)


class _Given(random.Random):
    """Draws these normal numbers."""

    def __init__(self, numbers):
        super().__init__(0)
        self._numbers = iter(numbers)

    def gauss(self, mu=0.0, sigma=1.0):
        return mu + sigma * next(self._numbers)


def test_of_the_same_draws_the_weights_are_torchjd_s_times_the_number_of_tasks():
    theirs = pytest.importorskip("torchjd.scalarization").Random()
    with torch.random.fork_rng():
        torch.manual_seed(3)
        draws = torch.randn(4, dtype=torch.float64).tolist()
        torch.manual_seed(3)
        losses = torch.ones(4, dtype=torch.float64, requires_grad=True)
        theirs(losses).backward()
    found, _ = RLW().weigh(replace(step(np.eye(4)), rng=_Given(draws)), ())
    # float64 rounding only.
    assert found.shared == pytest.approx((4 * losses.grad).tolist(), rel=1e-12)


def test_on_average_all_tasks_weigh_the_same():
    found = np.mean([RLW().weigh(step(np.eye(3), seed=seed), ())[0].shared for seed in range(2000)], axis=0)
    # Three standard errors of 2000 draws.
    assert np.allclose(found, 1.0, atol=0.06)

import random

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


def test_on_average_all_tasks_weigh_the_same():
    found = np.mean([RLW().weigh(step(np.eye(3), seed=seed), ())[0].shared for seed in range(2000)], axis=0)
    # Three standard errors of 2000 draws.
    assert np.allclose(found, 1.0, atol=0.06)

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.mgda import MGDA
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("count", [2, 5])
def test_the_combination_is_the_one_that_torchjd_s_frank_wolfe_steps_come_close_to(count):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(2):
        gradients = jacobian(count, seed=seed, decades=0.3)
        found = weights(MGDA(), gradients) @ gradients / count
        theirs = aggregation.MGDA(epsilon=1e-9, max_iters=300)(torch.tensor(gradients)).numpy()
        assert np.linalg.norm(found) <= np.linalg.norm(theirs) * (1 + 1e-12)
        # After k of Frank and Wolfe's steps, squared lengths differ by some 1 / k.
        assert np.allclose(found, theirs, atol=2e-2 * np.linalg.norm(gradients))


def test_all_gradients_with_weight_gain_the_same_and_the_others_more():
    for seed in range(10):
        gradients = jacobian(4, seed=seed)
        found = weights(MGDA(), gradients)
        update = found @ gradients
        gains = gradients @ update / (update @ update)
        # The conditions of optimality; their solver stops at 1e-15 of the largest numbers, lengths differ by 1e2.
        assert np.allclose(gains[found > 1e-9], 0.25, atol=1e-6)
        assert gains.min() >= 0.25 - 1e-6


def test_the_shortest_gradient_alone_counts_where_the_others_project_past_it():
    assert weights(MGDA(), np.array([[1.0, 0.0], [2.0, 1.0]])).tolist() == pytest.approx([2.0, 0.0])

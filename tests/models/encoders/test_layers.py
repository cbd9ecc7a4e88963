import torch

from ray_mtlkd.models.encoders.layers import pool


def test_a_pool_is_the_maximum_and_the_mean_of_a_row_and_zeros_without_words():
    states = torch.tensor([[-3.0, 2.0], [-1.0, 4.0], [-5.0, 0.5]])
    pooled = pool(states, torch.tensor([0, 2, 2, 3]))
    assert pooled.tolist() == [[-1.0, 4.0, -2.0, 3.0], [0.0] * 4, [-5.0, 0.5, -5.0, 0.5]]

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.aligned_mtl import AlignedMTL
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("scale", ["min", "median", "rmse"])
@pytest.mark.parametrize(("count", "width"), [(2, 8), (5, 8), (4, 3)])
def test_the_weights_are_torchjd_s_times_the_number_of_tasks(count, width, scale):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(5):
        gradients = jacobian(count, seed=seed, width=width, decades=0.5)
        theirs = aggregation.AlignedMTLWeighting(scale_mode=scale)(torch.tensor(gradients @ gradients.T)).numpy()
        # float64 rounding only, of a condition of up to 1e4.
        assert np.allclose(weights(AlignedMTL(scale=scale), gradients), count * theirs, atol=1e-9)


def test_the_aligned_gradients_are_the_closest_orthogonal_ones():
    gradients = jacobian(3, seed=0)
    left, values, right = np.linalg.svd(gradients, full_matrices=False)
    expected = values.min() * (left @ right).sum(axis=0)
    assert np.allclose(weights(AlignedMTL(), gradients) @ gradients, expected, atol=1e-9)

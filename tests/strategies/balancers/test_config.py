import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.config import ConFIG
from ray_mtlkd.strategies.balancers.imtl_g import IMTLG
from tests.gramians import jacobian, weights


@pytest.mark.parametrize(("count", "width"), [(2, 8), (5, 8), (4, 3)])
def test_the_update_is_torchjd_s(count, width):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(5):
        gradients = jacobian(count, seed=seed, width=width)
        expected = aggregation.ConFIG()(torch.tensor(gradients)).numpy()
        # Theirs takes the pseudo-inverse of the unit gradients, here that of their products: half of the digits.
        assert np.allclose(weights(ConFIG(), gradients) @ gradients, expected, atol=1e-7 * np.linalg.norm(expected))


def test_the_direction_is_that_of_imtl_g():
    gradients = jacobian(4, seed=0)
    ratios = weights(ConFIG(), gradients) / weights(IMTLG(), gradients)
    assert np.allclose(ratios, ratios[0], rtol=1e-9)


def test_where_gradients_cancel_there_is_no_update():
    assert weights(ConFIG(), np.array([[1.0, 0.0], [-3.0, 0.0]])).tolist() == [0.0, 0.0]

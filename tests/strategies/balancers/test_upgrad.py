import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.upgrad import UPGrad
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("count", [2, 5])
def test_the_update_is_torchjd_s_times_the_number_of_tasks(count):
    linalg = pytest.importorskip("torchjd.linalg")
    aggregation = pytest.importorskip("torchjd.aggregation")
    theirs = aggregation.UPGrad(projector=linalg.QuadprogProjector(norm_eps=0.0, reg_eps=1e-12))
    for seed in range(5):
        gradients = jacobian(count, seed=seed)
        expected = count * theirs(torch.tensor(gradients)).numpy()
        # Theirs adds 1e-12 to the eigenvalues of G, ours 1e-6 to those of the cosines.
        assert np.allclose(weights(UPGrad(), gradients) @ gradients, expected, atol=1e-5 * np.linalg.norm(expected))


def test_gradients_in_agreement_are_summed():
    assert weights(UPGrad(), np.array([[1.0, 0.0], [0.5, 2.0]])).tolist() == [1.0, 1.0]


def test_of_three_gradients_in_a_plane_the_update_opposes_none_where_pcgrad_s_may():
    gradients = np.array([[1.0, 0.0], [-0.9, 0.1], [-0.9, 0.5]])
    assert (gradients @ (weights(UPGrad(), gradients) @ gradients)).min() >= -1e-12

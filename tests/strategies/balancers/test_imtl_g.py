import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.imtl_g import IMTLG
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("count", [2, 5])
def test_the_weights_are_torchjd_s_times_the_number_of_tasks(count):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(5):
        gradients = jacobian(count, seed=seed)
        theirs = aggregation.IMTLGWeighting()(torch.tensor(gradients @ gradients.T)).numpy()
        # G's condition is up to 1e6 here, of 16 digits.
        assert np.allclose(weights(IMTLG(), gradients), count * theirs, rtol=1e-7)


def test_the_update_projects_equally_onto_all_gradients():
    gradients = jacobian(4, seed=0)
    projections = gradients @ (weights(IMTLG(), gradients) @ gradients) / np.linalg.norm(gradients, axis=1)
    assert np.allclose(projections, projections[0], rtol=1e-9)


def test_where_gradients_cancel_there_is_no_update():
    assert weights(IMTLG(), np.array([[1.0, 0.0], [-3.0, 0.0]])).tolist() == [0.0, 0.0]

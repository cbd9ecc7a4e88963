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
        # As in the paper, the sign of theirs is that of a sum of weights, which depends on the norms.
        descends = np.sign((gradients @ (theirs @ gradients)).sum())
        # G's condition is up to 1e6 here, of 16 digits.
        assert np.allclose(weights(IMTLG(), gradients), count * descends * theirs, rtol=1e-7)


def test_the_update_projects_equally_onto_all_gradients():
    gradients = jacobian(4, seed=0)
    projections = gradients @ (weights(IMTLG(), gradients) @ gradients) / np.linalg.norm(gradients, axis=1)
    assert np.allclose(projections, projections[0], rtol=1e-9)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_no_loss_is_climbed_where_gradients_agree_and_norms_would_turn_the_paper_s_update_round(count):
    rng, turned = np.random.default_rng(0), 0
    for _ in range(200):
        gradients = (rng.standard_normal((count, 20)) + 1.0) * 10.0 ** rng.uniform(-1, 1, (count, 1))
        found = weights(IMTLG(), gradients)
        turned += found.sum() < 0
        assert abs(found.sum()) == pytest.approx(count)
        assert (gradients @ (found @ gradients)).min() > 0
    assert turned > 0 or count == 2


def test_where_gradients_cancel_there_is_no_update():
    assert weights(IMTLG(), np.array([[1.0, 0.0], [-3.0, 0.0]])).tolist() == [0.0, 0.0]

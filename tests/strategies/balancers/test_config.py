import itertools

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.config import ConFIG
from ray_mtlkd.strategies.balancers.imtl_g import IMTLG
from tests.gramians import jacobian, weights


@pytest.mark.parametrize(("count", "width"), [(2, 8), (5, 8), (4, 3)])
def test_the_update_is_torchjd_s_but_never_turned_round(count, width):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(5):
        gradients = jacobian(count, seed=seed, width=width)
        theirs = aggregation.ConFIG()(torch.tensor(gradients)).numpy()
        # As in the paper, the sign of theirs is that of sum_i g_i . v, which dependent gradients may have below 0.
        cosines = gradients @ theirs / np.linalg.norm(gradients, axis=1)
        expected = theirs * np.sign(cosines.sum())
        assert width < count or expected @ theirs > 0
        # Theirs takes the pseudo-inverse of the unit gradients, here that of their products: half of the digits.
        assert np.allclose(weights(ConFIG(), gradients) @ gradients, expected, atol=1e-7 * np.linalg.norm(expected))


def test_the_direction_is_that_of_imtl_g():
    for seed, width in itertools.product(range(20), (8, 4, 3, 1)):
        gradients = jacobian(4, seed=seed, width=width)
        one, other = weights(ConFIG(), gradients), weights(IMTLG(), gradients)
        assert one.any() == other.any()
        assert np.allclose(one * np.linalg.norm(other), other * np.linalg.norm(one), rtol=1e-9)


@pytest.mark.parametrize("length", [1.0, 1.9, 2.1, 100.0])
def test_a_long_gradient_that_two_others_outvote_turns_nothing_round(length):
    gradients = np.array([[1.0], [1.0], [-length]])
    for balancer in (ConFIG(), IMTLG()):
        assert (weights(balancer, gradients) @ gradients)[0] > 0


def test_where_gradients_cancel_there_is_no_update():
    assert weights(ConFIG(), np.array([[1.0, 0.0], [-3.0, 0.0]])).tolist() == [0.0, 0.0]

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies.balancers.fairgrad import FairGrad
from ray_mtlkd.strategies.balancers.nash_mtl import NashMTL
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("count", [2, 5])
def test_the_weights_are_torchjd_s_up_to_their_sum(count, alpha):
    aggregation = pytest.importorskip("torchjd.aggregation")
    for seed in range(3):
        gradients = jacobian(count, seed=seed, decades=0.3)
        theirs = aggregation.FairGradWeighting(alpha=alpha)(torch.tensor(gradients @ gradients.T)).numpy()
        # SciPy's least squares stop at 1e-8 of the squared residual; 1e-6 is added to the cosines here.
        found = weights(FairGrad(alpha=alpha), gradients)
        assert np.allclose(found / found.sum(), theirs / theirs.sum(), rtol=2e-3)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
def test_gains_and_weights_stand_in_the_paper_s_relation(alpha):
    for seed in range(10):
        gradients = jacobian(4, seed=seed)
        found = weights(FairGrad(alpha=alpha), gradients)
        # (G w)_i w_i^(1 / alpha) is 1 for all i, and w is known up to a factor.
        products = np.log(gradients @ (found @ gradients)) + np.log(found) / alpha
        assert np.allclose(products, products[0], atol=1e-3)


def test_proportional_fairness_is_the_bargaining_solution():
    gradients = jacobian(4, seed=3)
    assert weights(FairGrad(alpha=1.0), gradients).tolist() == weights(NashMTL(), gradients).tolist()


def test_the_fairer_the_more_the_task_with_the_least_gain_counts():
    gradients = np.array([[1.0, 0.0], [0.0, 10.0]])
    found = [weights(FairGrad(alpha=alpha), gradients) for alpha in (0.5, 1.0, 2.0, 5.0)]
    ratios = [shorter / longer for shorter, longer in found]
    assert ratios == sorted(ratios)


@pytest.mark.parametrize("alpha", [0.0, 6.0])
def test_a_measure_of_fairness_out_of_range_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha\n"):
        FairGrad(alpha=alpha)

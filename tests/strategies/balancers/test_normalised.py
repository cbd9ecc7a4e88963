import numpy as np

from ray_mtlkd.strategies.balancers.mgda import MGDA
from ray_mtlkd.strategies.balancers.normalised import Normalised
from tests.gramians import jacobian, weights


def test_the_update_is_the_method_s_on_unit_gradients_times_their_mean_norm():
    for seed in range(5):
        gradients = jacobian(4, seed=seed)
        norms = np.linalg.norm(gradients, axis=1)
        units = gradients / norms[:, None]
        expected = norms.mean() * weights(MGDA(), units) @ units
        # Cosines are taken from the Gramian.
        found = weights(Normalised(method="mgda"), gradients) @ gradients
        assert np.allclose(found, expected, atol=1e-8 * norms.max())


def test_wrappers_stand_in_wrappers():
    gradients = jacobian(4, seed=0)
    twice = Normalised(method="smooth:mgda", options={"decay": 0.5})
    assert twice.name == "normalised:smooth:mgda"
    assert np.allclose(weights(twice, gradients), weights(Normalised(method="mgda"), gradients))


def test_a_gradient_of_0_weighs_0():
    assert weights(Normalised(method="upgrad"), np.array([[1.0, 0.0], [0.0, 0.0]])).tolist() == [0.5, 0.0]

import numpy as np

from ray_mtlkd.strategies.balancers.db_mtl import DBMTL
from tests.gramians import jacobian, step


def test_the_update_is_that_of_the_paper_s_algorithm_on_the_gradients_of_logarithms():
    for seed in range(5):
        gradients, losses = jacobian(4, seed=seed), np.random.default_rng(seed).uniform(0.1, 2.0, 4)
        logarithmic = gradients / losses[:, None]
        lengths = np.linalg.norm(logarithmic, axis=1)
        expected = (logarithmic * (lengths.max() / lengths)[:, None]).sum(axis=0)
        found, _ = DBMTL().weigh(step(gradients @ gradients.T, losses=losses), DBMTL().init(4))
        # float64 rounding only.
        assert np.allclose(np.array(found.shared) @ gradients, expected, rtol=1e-9)
        assert np.allclose(found.heads, 1 / losses)


def test_a_gradient_of_0_weighs_0():
    found, _ = DBMTL().weigh(step(np.diag([0.0, 4.0])), DBMTL().init(2))
    assert found.shared == (0.0, 1.0)

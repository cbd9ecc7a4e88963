import numpy as np
import pytest

from ray_mtlkd.strategies.balancers.fairness import fair_weights


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0, 5.0])
@pytest.mark.parametrize("beyond", [1e-16, 1e-9, 1e-6, 1e-5, 1e-3])
def test_a_gramian_that_is_indefinite_by_rounding_is_solved_as_the_one_beside_it(alpha, beyond):
    # Three unit gradients 120 degrees apart add up to 0: at cosines of -1 / 2 the least eigenvalue is 0, here below.
    gram = 1.5 * np.eye(3) - (0.5 + beyond)
    gram[np.diag_indices(3)] = 1.0
    assert fair_weights(gram.tolist(), alpha=alpha) == pytest.approx([1.0, 1.0, 1.0])


def test_dependent_gradients_with_an_error_of_their_products_have_finite_weights():
    rng = np.random.default_rng(0)
    for _ in range(50):
        gradients = rng.standard_normal((8, 3))
        error = 1e-5 * rng.standard_normal((8, 8))
        gram = gradients @ gradients.T + error + error.T
        found = fair_weights(gram.tolist(), alpha=1.0)
        assert found.min() > 0
        assert (found * np.sqrt(np.diag(gram))).sum() == pytest.approx(np.sqrt(np.diag(gram)).sum())

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import nnls

from ray_mtlkd.strategies.balancers import nonnegative
from ray_mtlkd.strategies.balancers.cagrad import CAGrad
from ray_mtlkd.strategies.balancers.dual_proj import DualProj
from ray_mtlkd.strategies.balancers.gramian import in_own_unit, root
from ray_mtlkd.strategies.balancers.mgda import MGDA
from ray_mtlkd.strategies.balancers.upgrad import UPGrad
from tests.gramians import jacobian, weights


@pytest.mark.parametrize("balancer", [MGDA(), CAGrad(), UPGrad(), DualProj()], ids=lambda each: each.name)
def test_forty_dependent_gradients_are_weighed_where_scipy_s_own_limit_is_too_low(balancer):
    too_low = 0
    for seed in range(8):
        gradients = jacobian(40, seed=seed, width=20, decades=2)
        assert np.isfinite(weights(balancer, gradients)).all()
        rooted = root(in_own_unit(gradients @ gradients.T))
        try:
            nnls(np.vstack([rooted, np.ones(40)]), np.eye(41)[-1])
        except RuntimeError:
            too_low += 1
    assert too_low > 0


def never_done(_matrix, _target, *, maxiter):
    """As SciPy's where active sets go round in circles."""
    raise RuntimeError(f"Maximum number of iterations reached: {maxiter}.")


def test_what_active_sets_do_not_solve_is_an_error_that_says_what_to_do(monkeypatch, refused):
    monkeypatch.setattr(nonnegative, "optimize", SimpleNamespace(nnls=never_done))
    with refused():
        nonnegative.nonnegative(np.eye(20), np.ones(20))

from dataclasses import replace

import numpy as np

from ray_mtlkd.strategies.balancers.label_losses import no_losses, read_losses
from tests.gramians import step


def test_a_task_that_distils_has_the_loss_that_it_had_on_labels():
    _, known = read_losses(step(np.eye(2), losses=(0.5, 2.0)), no_losses(2))
    losses, after = read_losses(replace(step(np.eye(2), losses=(0.0, 1.0)), distilling=frozenset({0})), known)
    assert losses == [0.5, 1.0]
    assert after.last == (0.5, 1.0)


def test_a_loss_is_never_0_and_without_labels_it_is_the_constant_predictor_s():
    losses, known = read_losses(replace(step(np.eye(2), losses=(0.0, 0.0)), distilling=frozenset({1})), no_losses(2))
    assert losses == [1e-4, 1.0]
    assert known.last == (1e-4, None)

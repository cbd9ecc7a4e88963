"""Gradients for the tests of methods that read their Gramian, and the promises of such methods."""

import random

import numpy as np

from ray_mtlkd.strategies.balancers.base import Signals


def jacobian(count, *, seed, width=8, decades=1.0):
    """[count, width]: gradients that conflict, their norms up to so many decades from 1."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(width) * np.array([(-1.0) ** task for task in range(count)])[:, None]
    return (rng.standard_normal((count, width)) + common) * 10.0 ** rng.uniform(-decades, decades, (count, 1))


def step(gram, *, losses=None, seed=0):
    """A step of as many tasks as the Gramian has rows."""
    count = len(gram)
    return Signals(
        tasks=tuple(range(count)),
        losses=(1.0,) * count if losses is None else tuple(map(float, losses)),
        regression=(False,) * count,
        skills=(None,) * count,
        norms=tuple(np.sqrt(np.diag(gram)).tolist()),
        gram=tuple(map(tuple, np.asarray(gram).tolist())),
        rng=random.Random(seed),
    )


def weights(balancer, gradients):
    """Of the first step [count]."""
    signals = step(gradients @ gradients.T)
    return np.array(balancer.weigh(signals, balancer.init(len(gradients)))[0].shared)

import numpy as np
import pytest
import torch

from ray_mtlkd.strategies import decode_strategy, describe_strategy
from ray_mtlkd.strategies.balancers.aligned_mtl import AlignedMTL
from ray_mtlkd.strategies.balancers.smooth import Smooth
from tests.gramians import jacobian, step


def test_five_steps_are_torchjd_s_times_the_number_of_tasks():
    aggregation = pytest.importorskip("torchjd.aggregation")
    theirs = aggregation.CRMOGMWeighting(aggregation.AlignedMTLWeighting(), alpha=0.7)
    balancer = Smooth(method="aligned_mtl", decay=0.7)
    state = balancer.init(3)
    for seed in range(5):
        gradients = jacobian(3, seed=seed, decades=0.5)
        found, state = balancer.weigh(step(gradients @ gradients.T), state)
        expected = 3 * theirs(torch.tensor(gradients @ gradients.T)).numpy()
        # float64 rounding only.
        assert np.allclose(found.shared, expected, atol=1e-9)


def test_without_decay_it_is_the_method():
    gradients = jacobian(3, seed=0)
    signals, balancer = step(gradients @ gradients.T), Smooth(method="aligned_mtl", decay=0.0)
    assert balancer.weigh(signals, balancer.init(3))[0] == AlignedMTL().weigh(signals, ())[0]


def test_the_method_s_own_settings_and_memory_are_kept():
    value = {"name": "smooth:gradvac", "decay": 0.5, "options": {"beta": 0.25}}
    strategy = decode_strategy({"balancer": value}, where="")
    assert strategy.name == "smooth:gradvac"
    assert strategy.references == ("joint", "smooth:gradvac")
    again = decode_strategy(describe_strategy(strategy), where="")
    assert (again.name, again.balancer) == (strategy.name, strategy.balancer)
    gradients = jacobian(2, seed=0)
    _, state = strategy.balancer.weigh(step(gradients @ gradients.T), strategy.balancer.init(2))
    assert "0.25" not in state.inner
    assert state != strategy.balancer.init(2)


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"name": "smooth:mgad"}, ".method"),
        ({"name": "smooth:sum"}, ".method"),
        ({"name": "smooth:torchjd"}, ".method"),
        ({"name": "smooth:normalised:sum"}, ".options.method"),
        ({"name": "smooth:cagrad", "options": {"c": 2}}, ".options.c"),
        ({"name": "smooth:cagrad", "options": {"d": 2}}, ".options.d"),
        ({"name": "smooth:cagrad", "decay": 1.0}, ".decay"),
        ({"name": "smooth:cagrad", "method": "mgda"}, ".method"),
    ],
)
def test_what_does_not_fit_inside_is_an_error_at_its_place(value, where, refused):
    with refused() as caught:
        decode_strategy({"balancer": value}, where="s")
    assert caught.value.where == f"s.balancer{where}"

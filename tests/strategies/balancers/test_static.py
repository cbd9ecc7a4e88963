import pytest

from ray_mtlkd.strategies.balancers.base import Signals
from ray_mtlkd.strategies.balancers.static import StaticWeights


def test_each_active_task_gets_its_own_weight():
    balancer = StaticWeights(weights=(0.5, 1.0, 4.0))
    signals = Signals(tasks=(0, 2), losses=(1.0, 1.0), regression=(False, False))
    weights, _ = balancer.weigh(signals, balancer.init(3))
    assert weights.shared == weights.heads == (0.5, 4.0)


def test_weights_by_name_are_those_of_the_tasks_whatever_their_order():
    balancer = StaticWeights(weights={"c": 4.0, "a": 0.5, "elsewhere": 9.0, "b": 1.0})
    signals = Signals(tasks=(0, 2), names=("a", "c"), losses=(1.0, 1.0), regression=(False, False))
    weights, _ = balancer.weigh(signals, balancer.init(3))
    assert weights.shared == weights.heads == (0.5, 4.0)


@pytest.mark.parametrize("count", [1, 3])
def test_the_number_of_weights_must_be_the_number_of_tasks(count, refused):
    with refused():
        StaticWeights(weights=(1.0, 1.0)).init(count)


def test_every_bad_weight_is_named():
    with pytest.raises(ValueError, match=r"(?s)weights\..*\.1\n.*weights\..*\.2\n.*weights\..*\.3\n"):
        StaticWeights(weights=(1.0, 0.0, -1.0, float("inf")))

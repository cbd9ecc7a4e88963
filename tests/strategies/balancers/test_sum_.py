from ray_mtlkd.strategies.balancers.base import Signals, Weights
from ray_mtlkd.strategies.balancers.sum_ import Sum


def test_every_active_task_weighs_one():
    weights, state = Sum().weigh(Signals(tasks=(0, 2), losses=(3.0, 9.0), regression=(True, False)), Sum().init(3))
    assert weights == Weights(shared=(1.0, 1.0), heads=(1.0, 1.0))
    assert state == ()

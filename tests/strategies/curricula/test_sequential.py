from ray_mtlkd.strategies.curricula.base import Start
from ray_mtlkd.strategies.curricula.sequential import Sequential


def test_the_next_task_joins_when_the_last_one_has_converged_and_all_keep_their_labels(play):
    assert play(Sequential(), {}, {1: 25}, {1: 30, 2: 30}, {0: 75}, {2: 100}) == [
        ("wlw", (Start(1),)),
        ("wlw", ()),
        ("llw", (Start(0),)),
        ("llw", ()),
        ("lll", (Start(2),)),
        ("lll", ()),
    ]


def test_the_order_can_be_chosen(play):
    assert play(Sequential(order="by_difficulty"), {2: 1})[0] == ("wwl", (Start(2),))

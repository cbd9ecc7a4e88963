from ray_mtlkd.strategies.curricula.base import Rewind, Start
from ray_mtlkd.strategies.curricula.rewind_only import RewindOnly


def test_the_model_goes_back_once_for_each_task_but_the_last_and_labels_stay(play):
    assert play(RewindOnly(), {0: 75, 1: 50}, {1: 60}, {0: 100}, {2: 125}) == [
        ("lll", (Start(0), Start(1), Start(2))),
        ("lll", (Rewind(50),)),
        ("lll", ()),
        ("lll", (Rewind(100),)),
        ("lll", ()),
    ]

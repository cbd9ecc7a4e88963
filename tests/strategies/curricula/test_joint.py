from ray_mtlkd.strategies.curricula.base import Start
from ray_mtlkd.strategies.curricula.joint import Joint

ALL = (Start(0), Start(1), Start(2))


def test_convergence_changes_nothing(play):
    assert play(Joint(), {}, {1: 50}, {}, {0: 75, 2: 60}) == [
        ("lll", ALL),
        ("lll", ()),
        ("lll", ()),
        ("lll", ()),
        ("lll", ()),
    ]

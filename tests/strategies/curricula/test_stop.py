from ray_mtlkd.strategies.curricula.base import Start, Stop
from ray_mtlkd.strategies.curricula.stop import StopConverged


def test_converged_tasks_leave_earliest_peak_first_but_the_last_one_stays(play):
    assert play(StopConverged(), {}, {0: 75, 2: 50}, {0: 80, 2: 80}, {1: 150}) == [
        ("lll", (Start(0), Start(1), Start(2))),
        ("lll", ()),
        ("sls", (Stop(2), Stop(0))),
        ("sls", ()),
        ("sls", ()),
    ]

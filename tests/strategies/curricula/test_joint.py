from ray_mtlkd.strategies.curricula.base import Finish, Start
from ray_mtlkd.strategies.curricula.joint import Joint

ALL = (Start(0), Start(1), Start(2))


def test_convergence_changes_nothing_until_the_last_task_ends_the_trial(play):
    assert play(Joint(), {}, {1: 50}, {}, {0: 75, 2: 60}) == [
        ("lll", ALL),
        ("lll", ()),
        ("lll", ()),
        ("lll", ()),
        ("lll", (Finish(),)),
    ]


def test_a_task_that_has_converged_once_stays_converged(play):
    assert play(Joint(), {0: 10, 1: 20}, {2: 30})[-1] == ("lll", (Finish(),))


def test_all_tasks_may_converge_at_once(play):
    assert play(Joint(), {0: 10, 1: 10, 2: 10})[-1] == ("lll", (Finish(),))

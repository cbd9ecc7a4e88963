from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, Return, Start, Stop
from ray_mtlkd.strategies.curricula.stop_and_go import StopAndGo


def at(retained):
    return ConvergenceVerdict(converged=True, best_step=0, reason="so the table says", retained=retained)


def test_a_task_stops_when_it_has_converged_and_goes_as_often_as_it_has_fallen(play):
    evaluations = [{0: 75, 2: 50}, {0: at(0.97), 2: at(0.94)}, {2: at(0.9)}, {0: at(0.96)}, {2: at(0.8)}]
    assert play(StopAndGo(degradation=0.05), *evaluations) == [
        ("lll", (Start(0), Start(1), Start(2))),
        ("sls", (Stop(2), Stop(0))),
        ("sll", (Return(2),)),
        ("sls", (Stop(2),)),
        ("sls", ()),
        ("sll", (Return(2),)),
    ]


def test_the_last_one_stays_and_one_that_goes_keeps_others_from_being_the_last(play):
    assert play(StopAndGo(), {0: 50, 2: 50}, {1: 75})[-1] == ("sls", ())
    assert play(StopAndGo(), {0: 50, 2: 50}, {0: at(0.9), 1: 75})[-1] == ("lss", (Return(0), Stop(1)))


def test_the_last_one_stops_once_another_goes_beside_whatever_converges_then(play):
    evaluations = [{0: 50, 2: 50}, {1: 75}, {0: at(0.9)}, {0: 100}, {2: at(0.9)}]
    assert play(StopAndGo(), *evaluations)[2:] == [
        ("sls", ()),
        ("lss", (Return(0), Stop(1))),
        ("lss", ()),
        ("ssl", (Return(2), Stop(0))),
    ]


def test_what_is_not_measured_has_not_fallen(play):
    assert play(StopAndGo(), {0: 50}, {0: at(None)})[-1] == ("sll", ())

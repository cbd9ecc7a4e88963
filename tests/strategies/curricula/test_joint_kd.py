from ray_mtlkd.decode import decode
from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, Relabel, Resume, Return, Rewind, Start
from ray_mtlkd.strategies.curricula.joint_kd import JointKD

ALL = (Start(0), Start(1), Start(2))


def test_converged_tasks_are_relabelled_by_their_teachers_as_they_come(play):
    assert play(JointKD(), {}, {2: 25}, {0: 50}, {}, {1: 150}) == [
        ("lll", ALL),
        ("lll", ()),
        ("lld", (Relabel(2, 25),)),
        ("dld", (Relabel(0, 50),)),
        ("dld", ()),
        ("ddd", (Relabel(1, 150),)),
    ]


def test_of_several_the_one_with_the_earliest_peak_goes_first(play):
    assert play(JointKD(), {0: 75, 1: 50})[-1] == ("ddl", (Relabel(1, 50), Relabel(0, 75)))


def test_of_equal_peaks_the_setups_order_decides(play):
    assert play(JointKD(), {2: 50, 0: 50})[-1] == ("dld", (Relabel(0, 50), Relabel(2, 50)))


def test_a_distilling_task_is_judged_no_more(play):
    assert play(JointKD(), {0: 50}, {0: 75})[-1] == ("dll", ())


def test_with_rewind_the_model_goes_back_to_the_earliest_teacher_and_the_others_are_void(play):
    assert play(JointKD(rewind=True), {0: 75, 1: 50}, {}, {0: 100}, {2: 125}) == [
        ("lll", ALL),
        ("ldl", (Relabel(1, 50), Rewind(50))),
        ("ldl", ()),
        ("ddl", (Relabel(0, 100), Rewind(100))),
        ("ddd", (Relabel(2, 125), Rewind(125))),
    ]


def test_with_rewind_equal_peaks_go_in_the_setups_order_one_at_a_time(play):
    assert play(JointKD(rewind=True), {2: 50, 1: 50}, {2: 50})[1:] == [
        ("ldl", (Relabel(1, 50), Rewind(50))),
        ("ldd", (Relabel(2, 50), Rewind(50))),
    ]


def test_it_rewinds_where_its_field_says_so():
    assert JointKD(rewind=True).rewinds
    assert not JointKD().rewinds


def judged(*, converged=False, step=0, retained=None, surpasses=False):
    return ConvergenceVerdict(
        converged=converged, best_step=step, reason="so the table says", retained=retained, surpasses=surpasses
    )


BETTER, LOST = judged(step=200, retained=1.02, surpasses=True), judged(step=200, retained=0.9)


def test_one_that_surpasses_its_teacher_is_relabelled_by_what_it_has_become_so_often_at_most(play):
    history = play(JointKD(reteach=True, turns=2), {2: 25}, {2: BETTER}, {2: LOST}, {2: BETTER}, {2: BETTER})
    assert history[1:] == [
        ("lld", (Relabel(2, 25),)),
        ("lld", (Relabel(2, 200),)),
        ("lld", ()),
        ("lld", (Relabel(2, 200),)),
        ("lld", ()),
    ]


def test_one_that_has_lost_too_much_learns_from_its_labels_until_it_converges_again(play):
    history = play(JointKD(retention=0.95, turns=2), {2: 25}, {2: LOST}, {2: LOST}, {2: 300}, {2: LOST}, {2: BETTER})
    assert history[1:] == [
        ("lld", (Relabel(2, 25),)),
        ("lll", (Return(2),)),
        ("lll", ()),
        ("lld", (Resume(2),)),  # what it knew before is still more
        ("lll", (Return(2),)),
        ("lll", ()),
    ]


def test_one_that_has_learnt_more_than_its_teacher_knew_gets_a_better_one(play):
    again = judged(converged=True, step=300, retained=1.01, surpasses=True)
    history = play(JointKD(retention=0.95, turns=1), {2: 25}, {2: LOST}, {2: again}, {2: LOST}, {2: LOST})
    assert history[2:] == [("lll", (Return(2),)), ("lld", (Relabel(2, 300),)), ("lld", ()), ("lld", ())]


def test_it_watches_where_tasks_may_turn_and_does_not_rewind_then(refused):
    assert not JointKD().watches
    assert JointKD(reteach=True).watches
    assert JointKD(retention=0.9).watches
    with refused():
        decode(JointKD, {"rewind": True, "reteach": True}, where="curriculum")


def test_one_that_is_taught_distils_from_the_first_step_and_keeps_its_teacher_when_it_converges(play):
    assert play(JointKD(retention=0.95), {}, {2: LOST}, {0: 25, 2: 50}, {2: LOST}, taught=[2]) == [
        ("lld", ALL),
        ("lld", ()),
        ("lld", ()),  # it has yet to learn what its teacher knows
        ("dld", (Relabel(0, 25),)),
        ("dll", (Return(2),)),
    ]

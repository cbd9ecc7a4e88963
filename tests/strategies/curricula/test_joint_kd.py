from ray_mtlkd.strategies.curricula.base import Relabel, Rewind, Start
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

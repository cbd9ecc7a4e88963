import pytest

from ray_mtlkd.strategies.curricula.base import ConvergenceVerdict, Relabel, Resume, Return, Rewind, Start
from ray_mtlkd.strategies.curricula.sequential_kd import SequentialKD
from ray_mtlkd.strategies.curricula.transitions import start_waiting


def test_one_task_learns_while_those_before_it_are_distilled(play):
    assert play(SequentialKD(), {}, {1: 25}, {}, {0: 75}, {2: 100}) == [
        ("wlw", (Start(1),)),
        ("wlw", ()),
        ("ldw", (Relabel(1, 25), Start(0))),
        ("ldw", ()),
        ("ddl", (Relabel(0, 75), Start(2))),
        ("ddd", (Relabel(2, 100),)),
    ]


def test_waiting_and_distilling_tasks_are_not_judged(play):
    assert play(SequentialKD(), {0: 5, 2: 5}, {1: 25}, {1: 30, 2: 30})[1:] == [
        ("wlw", ()),
        ("ldw", (Relabel(1, 25), Start(0))),
        ("ldw", ()),
    ]


def test_with_rewind_the_next_task_starts_from_the_teacher(play):
    assert play(SequentialKD(order="by_difficulty", rewind=True), {2: 25}, {0: 75}, {1: 90}) == [
        ("wwl", (Start(2),)),
        ("lwd", (Relabel(2, 25), Rewind(25), Start(0))),
        ("dld", (Relabel(0, 75), Rewind(75), Start(1))),
        ("ddd", (Relabel(1, 90), Rewind(90))),
    ]


def test_a_list_of_names_sets_the_order(play):
    assert play(SequentialKD(order=("small", "large", "medium")), {2: 1}, {1: 2})[:] == [
        ("wwl", (Start(2),)),
        ("wld", (Relabel(2, 1), Start(1))),
        ("ldd", (Relabel(1, 2), Start(0))),
    ]


def test_a_list_that_does_not_fit_is_refused_at_the_beginning(facts, refused):
    with refused():
        SequentialKD(order=("small", "large")).begin(facts)


@pytest.mark.parametrize(("rewind", "dealt_with"), [(True, [1]), (False, [1, 0])])
def test_of_tasks_that_converge_together_a_rewind_leaves_all_but_the_earliest_peak_to_be_judged_again(
    facts, rewind, dealt_with
):
    curriculum = SequentialKD(rewind=rewind)
    state, _ = start_waiting(curriculum.begin(facts)[0])
    verdicts = [ConvergenceVerdict(converged=at > 0, best_step=at, reason="so the table says") for at in (70, 40, 0)]
    state, actions = curriculum.advance(state, verdicts)
    assert actions == (*(Relabel(task, verdicts[task].best_step) for task in dealt_with), *[Rewind(40)] * rewind)
    assert [task for task, phase in enumerate(state.phases) if phase == "distilling"] == sorted(dealt_with)


def test_it_rewinds_where_its_field_says_so():
    assert SequentialKD(rewind=True).rewinds
    assert not SequentialKD().rewinds


def test_one_that_has_gone_back_to_its_labels_starts_nobody_when_it_converges_again(play):
    lost = ConvergenceVerdict(converged=False, best_step=-1, reason="so the table says", retained=0.9)
    assert play(SequentialKD(retention=0.95), {1: 25}, {1: lost}, {1: 100}, {0: 150})[1:] == [
        ("ldw", (Relabel(1, 25), Start(0))),
        ("llw", (Return(1),)),
        ("ldw", (Resume(1),)),
        ("ddl", (Relabel(0, 150), Start(2))),
    ]


def test_those_that_are_taught_distil_from_the_first_step_and_nobody_waits_for_them(play):
    assert play(SequentialKD(), {1: 25}, {2: 50}, {0: 75}, taught=[1]) == [
        ("ldw", (Start(1), Start(0))),
        ("ldw", ()),
        ("ldw", ()),
        ("ddl", (Relabel(0, 75), Start(2))),
    ]
    assert play(SequentialKD(), {1: 25}, taught=[0, 1, 2]) == [("ddd", (Start(0), Start(1), Start(2))), ("ddd", ())]

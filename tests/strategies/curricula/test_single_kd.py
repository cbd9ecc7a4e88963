from ray_mtlkd.strategies.curricula.base import Schooling, Start
from ray_mtlkd.strategies.curricula.single_kd import SingleKD


def test_its_teachers_are_those_that_its_fields_say():
    assert SingleKD(teachers_share=0.3).schooling == Schooling(share=0.3, seeds=1, alone=True)


def test_every_task_distils_from_the_first_step_to_the_last(play):
    assert play(SingleKD(), {}, {1: 25}, {0: 50, 2: 50}, taught=[0, 1, 2]) == [
        ("ddd", (Start(0), Start(1), Start(2))),
        *[("ddd", ())] * 3,
    ]

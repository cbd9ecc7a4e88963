from ray_mtlkd.strategies.curricula.base import Schooling, Start
from ray_mtlkd.strategies.curricula.ensemble_kd import EnsembleKD


def test_its_teachers_are_those_that_its_fields_say():
    assert EnsembleKD(teachers=5).schooling == Schooling(share=0.5, seeds=5, alone=False)


def test_every_task_distils_from_the_first_step_to_the_last(play):
    assert play(EnsembleKD(), {}, {1: 25}, {0: 50, 2: 50}, taught=[0, 1, 2]) == [
        ("ddd", (Start(0), Start(1), Start(2))),
        *[("ddd", ())] * 3,
    ]

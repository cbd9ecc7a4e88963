from ray_mtlkd.strategies.curricula.base import models_of
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.strategies.curricula.single_task import SingleTask


def test_it_decides_as_joint_training_does(play):
    evaluations = ({}, {1: 50}, {0: 75, 2: 60})
    assert play(SingleTask(), *evaluations) == play(Joint(), *evaluations)


def test_every_task_has_a_model_of_its_own():
    assert models_of(SingleTask.groups, ["a", "b"]) == [(0,), (1,)]
    assert models_of(Joint.groups, ["a", "b"]) == [(0, 1)]

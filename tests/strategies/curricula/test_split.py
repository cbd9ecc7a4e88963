import pytest

from ray_mtlkd.strategies import decode_strategy, fit_tasks
from ray_mtlkd.strategies.curricula.base import TaskFacts, models_of
from ray_mtlkd.strategies.curricula.joint import Joint
from ray_mtlkd.strategies.curricula.split import Split

TASKS = ["a", "b", "c", "d"]


def test_it_decides_as_joint_training_does(play):
    evaluations = ({}, {1: 50}, {0: 75, 2: 60})
    assert play(Split(), *evaluations) == play(Joint(), *evaluations)


def test_tasks_that_are_named_nowhere_train_alone():
    assert models_of(Split(groups=(("d", "a"),)).groups, TASKS) == [(0, 3), (1,), (2,)]
    assert models_of(Split().groups, TASKS) == [(0,), (1,), (2,), (3,)]


@pytest.mark.parametrize("groups", [[["a", "e"]], [["a", "b"], ["b", "c"]], [["a"], []]])
def test_groups_that_fit_no_split_are_refused_where_they_stand(groups, refused):
    strategy = decode_strategy({"name": "split", "curriculum": {"groups": groups}}, where="strategy")
    facts = [TaskFacts(name=name, rows=1, difficulty=0.5) for name in TASKS]
    with refused() as caught:
        fit_tasks(strategy, facts, where="strategies[0]")
    assert caught.value.where == f"strategies[0].curriculum.groups[{len(groups) - 1}]"


def test_a_balancer_has_to_fit_the_tasks_of_each_model(refused):
    given = {"curriculum": {"name": "split", "groups": [["a", "b"]]}, "balancer": {"name": "static", "weights": [1, 2]}}
    facts = [TaskFacts(name=name, rows=1, difficulty=0.5) for name in TASKS]
    fit_tasks(decode_strategy(given, where="strategy"), facts[:2], where="strategy")
    with refused() as caught:
        fit_tasks(decode_strategy(given, where="strategy"), facts, where="strategy")
    assert caught.value.where.startswith("strategy.")

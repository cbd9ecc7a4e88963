import pytest

from ray_mtlkd.strategies.curricula.base import TaskFacts
from ray_mtlkd.strategies.curricula.ordering import arrange


def test_by_size_takes_the_largest_table_first(facts):
    assert arrange("by_size", facts) == (1, 0, 2)


def test_by_difficulty_takes_the_easiest_task_first(facts):
    assert arrange("by_difficulty", facts) == (2, 0, 1)


def test_names_are_taken_as_they_stand(facts):
    assert arrange(("large", "small", "medium"), facts) == (1, 2, 0)


@pytest.mark.parametrize("order", ["by_size", "by_difficulty"])
def test_ties_keep_the_setups_order(order):
    same = [TaskFacts(name=name, rows=5, difficulty=0.5) for name in "cab"]
    assert arrange(order, same) == (0, 1, 2)


@pytest.mark.parametrize(
    "order",
    ["large small", "", "large small medium tiny huge", "large small medium small", "large tiny tiny"],
)
def test_a_list_that_does_not_name_every_task_once_says_what_is_wrong(facts, order, refused):
    with refused() as caught:
        arrange(tuple(order.split()), facts)
    assert caught.value.where == "curriculum.order"

import itertools

import pytest

from ray_mtlkd.grouping.trainings import pairs_and_rests, strategies
from ray_mtlkd.strategies import decode_strategy
from ray_mtlkd.strategies.curricula.base import models_of


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 9])
def test_every_pair_every_rest_all_and_each_alone_are_trained_once_and_no_split_twice(count):
    tasks = [f"t{at}" for at in range(count)]
    found = pairs_and_rests(tasks)
    splits = [tuple(models_of(groups, tasks)) for groups in found.values()]
    assert len(set(splits)) == len(splits)
    models = [model for split in splits for model in split]
    for pair in itertools.combinations(range(count), 2):
        assert models.count(pair) == 1
    for size in (1, count - 1, count):
        assert {model for model in models if len(model) == size} == set(itertools.combinations(range(count), size))
    assert len(splits) <= 2 + (count if count % 2 else count - 1) + count


def test_they_are_strategies_of_a_search_space():
    listed = strategies(pairs_and_rests(["a", "b", "c", "d"]))
    decoded = [decode_strategy(each, where="strategies") for each in listed]
    assert [strategy.name for strategy in decoded][:3] == ["sum", "single_task", "pairs-1"]
    assert len({strategy.name for strategy in decoded}) == len(decoded)

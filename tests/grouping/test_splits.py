import itertools
import random

import pytest

from ray_mtlkd.grouping.splits import best_splits


def _partitions(tasks):
    if not tasks:
        yield ()
        return
    first, *rest = tasks
    for size in range(len(rest) + 1):
        for others in itertools.combinations(rest, size):
            left = [task for task in rest if task not in others]
            for more in _partitions(left):
                yield ((first, *others), *more)


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_the_best_split_is_the_best_of_all_that_there_are(tasks):
    draws = random.Random(tasks)
    worths = {}

    def worth(group):
        return worths.setdefault(group, draws.gauss(0, 1))

    every = list(_partitions(range(tasks)))
    found = best_splits(worth, tasks=tasks, models=tasks + 1)
    assert [len(split.groups) for split in found] == list(range(1, tasks + 1))
    for split in found:
        best = max(sum(map(worth, groups)) for groups in every if len(groups) == len(split.groups))
        assert split.worth == pytest.approx(best)
        assert sum(map(worth, split.groups)) == pytest.approx(best)
        assert sorted(itertools.chain(*split.groups)) == list(range(tasks))


def test_each_group_is_asked_for_once():
    asked = []
    best_splits(lambda group: asked.append(group) or 0.0, tasks=6, models=3)
    assert len(asked) == len(set(asked)) <= 2**6

import random
from types import SimpleNamespace

from ray_mtlkd.sweep.longest_first import LongestFirst, configuration_of


def _trial(strategy, index, seed):
    return SimpleNamespace(group=("shop", strategy), index=index, seed=seed)


def test_trials_come_as_from_a_list_that_is_searched_for_the_longest_each_time():
    chance, queue, listed, walls = random.Random(0), LongestFirst(), [], {}
    for seed in range(3000):
        trial = _trial(chance.choice("abc"), chance.randrange(4), seed)
        match chance.randrange(4):
            case 0 | 1:
                queue.add(trial)
                listed.append(trial)
            case 2:
                walls[configuration_of(trial)] = wall_s = float(chance.randrange(5))
                queue.learn(trial, wall_s)
            case _ if listed:
                known = [walls.get(configuration_of(each), 0.0) for each in listed]
                assert queue.pop() is listed.pop(known.index(max(known)))
        assert len(queue) == len(listed)
    assert listed

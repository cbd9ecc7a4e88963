import random
from collections import defaultdict
from statistics import fmean
from types import SimpleNamespace

from ray_mtlkd.sweep.ranking import Ranking

GROUPS = [(setup, strategy) for setup in ("z", "a") for strategy in ("sum", "joint_kd", "stop")]


def test_a_strategy_stands_by_the_mean_of_its_replicates_to_the_bit_and_before_by_its_best_search():
    chance, ranking, searched, replicated = random.Random(0), Ranking(GROUPS), {}, defaultdict(list)
    for seed in range(500):
        group, score = chance.choice(GROUPS), chance.uniform(-1, 1) * 10.0 ** chance.randrange(-9, 3)
        stage = "replicate" if group[1] != "stop" and chance.randrange(2) else "search"
        ranking.add(SimpleNamespace(group=group, stage=stage, seed=seed // 2), score)
        if stage == "search":
            searched[group] = max(score, searched.get(group, score))
        else:
            replicated[group].append((seed // 2, score))
        skills = {
            group: fmean(score for _, score in replicated[group]) if replicated[group] else searched[group]
            for group in GROUPS
            if group in searched or replicated[group]
        }
        expected = sorted(skills, key=lambda group: (group[0] != "z", not replicated[group], -skills[group]))
        found = ranking.get()
        assert [(each.setup, each.strategy) for each in found] == expected
        assert [each.skill for each in found] == [skills[group] for group in expected]
        assert [each.seeds for each in found] == [len({seed for seed, _ in replicated[group]}) for group in expected]
    assert ranking.get() is found

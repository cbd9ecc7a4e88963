from itertools import pairwise, product

import numpy as np
import pytest
from scipy.special import log_softmax

from ray_mtlkd.classical.tags import fit_taggers, likeliest


@pytest.mark.parametrize("seed", range(3))
def test_the_path_is_the_best_of_all_paths(seed):
    rng = np.random.default_rng(seed)
    offsets = np.array([0, 4, 5, 8])
    alone, before = rng.normal(size=(8, 3)), 2 * rng.normal(size=(4, 3))

    def score(path, start):
        total, last = 0.0, 3
        for at, tag in enumerate(path):
            total += log_softmax(alone[start + at] + before[last])[tag]
            last = tag
        return total

    found = likeliest(alone, before, offsets)
    for start, end in pairwise(offsets):
        best = max(product(range(3), repeat=end - start), key=lambda path, start=start: score(path, start))
        assert tuple(found[start:end]) == best


@pytest.mark.parametrize("count", [2, 3])
def test_a_tag_that_only_follows_another_is_learnt_without_features(count):
    tags = np.tile(np.arange(count), 40)
    offsets = np.arange(0, len(tags) + 1, 2 * count)
    (tagger,) = fit_taggers(np.zeros((len(tags), 1)), tags, offsets, [100.0])
    assert (tagger.tag(np.zeros((2 * count, 1)), np.array([0, 2 * count])).argmax(axis=1) == tags[: 2 * count]).all()

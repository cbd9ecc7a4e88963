from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, ndcg_score

from ray_mtlkd.tasks.metrics import evaluate
from ray_mtlkd.tasks.task import Task

lists = st.lists(
    st.lists(st.tuples(st.integers(0, 3), st.integers(-2, 2)), min_size=1, max_size=5), min_size=1, max_size=5
)
"""Groups of rows, each a label and a score: few scores, so that many are tied."""


def arrays(groups):
    rows = [row for group in groups for row in group]
    labels, scores = (np.array(part, np.float32) for part in zip(*rows, strict=True))
    return scores, labels, np.cumsum([0, *map(len, groups)])


def value(metric, groups):
    return evaluate(Task(name="t", kind="ranking", metric=metric), *arrays(groups))


def mean_of(measure, groups):
    """Of a measure of labels and scores, over the groups with a relevant row."""
    scores, labels, offsets = arrays(groups)
    found = [measure(labels[a:b], scores[a:b]) for a, b in pairwise(offsets) if labels[a:b].any()]
    return np.mean(found) if found else 0.0


@settings(deadline=None)  # scikit-learn is imported
@given(lists)
def test_average_precision_is_scikit_learn_s_of_each_group(groups):
    expected = mean_of(lambda labels, scores: average_precision_score(labels > 0, scores), groups)
    assert value("map", groups) == pytest.approx(expected)


@settings(deadline=None)
@given(lists, st.sampled_from([None, 1, 2, 5, 50]))
def test_discounted_gain_is_scikit_learn_s_of_each_group(groups, k):
    def measure(labels, scores):
        return 1.0 if len(labels) == 1 else ndcg_score(labels[None], scores[None], k=k)  # it refuses a single row

    assert value("ndcg" if k is None else f"ndcg@{k}", groups) == pytest.approx(mean_of(measure, groups))


@settings(deadline=None)  # all orders of up to 5 groups
@given(lists)
def test_reciprocal_rank_is_expected_over_all_orders_of_tied_rows(groups):
    def measure(labels, scores):
        orders = [order for order in permutations(range(len(labels))) if (np.diff(scores[list(order)]) <= 0).all()]
        return np.mean([1 / (1 + np.flatnonzero(labels[list(order)] > 0)[0]) for order in orders])

    assert value("mrr", groups) == pytest.approx(mean_of(measure, groups))


@pytest.mark.parametrize("metric", ["map", "mrr", "ndcg", "ndcg@2"])
def test_groups_without_a_relevant_row_are_left_out(metric):
    good, none = [(1, 0.5), (0, 0.7), (2, 0.9)], [(0, 0.3), (0, 0.1)]
    assert value(metric, [none, good, none]) == value(metric, [good])
    assert value(metric, [none, none]) == 0


def test_a_ranking_without_groups_is_refused(refused):
    with refused(ValueError):
        evaluate(Task(name="t", kind="ranking", metric="map"), np.zeros(2, np.float32), np.ones(2, np.float32))

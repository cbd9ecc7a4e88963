import pytest

from ray_mtlkd.grouping.worths import by_affinity, higher_order, means


def test_a_group_that_was_not_trained_is_worth_the_mean_of_its_pairs():
    pairs = {((0, 1), 0): 1.0, ((0, 2), 0): 3.0, ((0, 1), 1): 5.0, ((1, 2), 1): 7.0, ((0, 2), 2): 0.0, ((1, 2), 2): 2.0}
    worth = higher_order(pairs | {((0,), 0): 9.0})
    assert worth((0, 1, 2)) == pytest.approx(2.0 + 6.0 + 1.0)
    assert worth((0, 1)) == 1.0 + 5.0
    assert worth((0,)) == 9.0
    assert higher_order(pairs | {((0, 1, 2), task): 1.0 for task in range(3)})((0, 1, 2)) == 3.0


def test_affinity_counts_what_others_do_to_a_task_by_its_weight_and_nothing_alone():
    worth = by_affinity([[9.0, 1.0, -1.0], [3.0, 9.0, 0.0], [5.0, 7.0, 9.0]], [1.0, 2.0, 0.0])
    assert worth((0, 1, 2)) == pytest.approx((3 + 5) / 2 + 2 * (1 + 7) / 2)
    assert worth((0, 1)) == pytest.approx(3 + 2 * 1)
    assert worth((1,)) == 0.0


def test_what_several_trials_say_of_a_group_is_their_mean():
    assert means([((0,), 0, 1.0), ((0,), 0, 2.0), ((0, 1), 0, 5.0)]) == {((0,), 0): 1.5, ((0, 1), 0): 5.0}

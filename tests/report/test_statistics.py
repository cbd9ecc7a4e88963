import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ray_mtlkd.report.statistics import estimate, without_interval


def test_three_seeds_get_students_interval():
    found = estimate(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.seeds, found.won, found.method) == (2.0, 3, 1.0, "student-t")
    # t(0.975, 2) = 4.302653, standard error = 1 / sqrt(3)
    assert found.high == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-5)
    assert found.low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)
    assert found.difference == "not shown"


def test_one_seed_has_no_interval_and_shows_nothing():
    found = estimate(np.array([40.0]))
    assert (found.low, found.high, found.method, found.difference) == (None, None, "none", "not shown")


@pytest.mark.parametrize(("seeds", "method"), [(2, "student-t"), (5, "student-t"), (6, "bootstrap"), (12, "bootstrap")])
def test_the_number_of_seeds_decides_on_the_interval(seeds, method):
    assert estimate(np.arange(float(seeds))).method == method


def test_bootstrap_agrees_with_scipys_percentile_interval():
    values = np.random.default_rng(3).normal(1, 2, size=20)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=np.random.default_rng(5))
    ours = estimate(values)
    # both draw 9999 resamples by chance: an end's standard error is about 2 % of the interval's width
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.06 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.06 * width)


@pytest.mark.parametrize(
    ("seeds", "low", "high"), [(3, 0.93, 0.97), (5, 0.93, 0.97), (6, 0.82, 0.91), (10, 0.87, 0.94)]
)
def test_intervals_cover_what_the_docstring_says(seeds, low, high):
    draws = np.random.default_rng(11).normal(0.7, 1.3, size=(2000, seeds))
    found = [estimate(row) for row in draws]
    covered = np.mean([each.low <= 0.7 <= each.high for each in found])
    # 2000 draws: standard error 0.5 % at 95 %, 0.8 % at 87 %
    assert low <= covered <= high


@given(st.lists(st.floats(-50, 50), min_size=2, max_size=9))
def test_an_interval_holds_its_mean_and_is_the_same_each_time(values):
    found = estimate(np.array(values))
    assert found.low <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.high
    assert found == estimate(np.array(values))


def test_a_difference_is_shown_only_where_the_interval_excludes_zero():
    assert estimate(np.array([1.0, 1.1, 1.2])).difference == "better"
    assert estimate(np.array([-1.0, -1.1, -1.2])).difference == "worse"
    assert estimate(np.array([0.0, 0.0, 0.0])).difference == "not shown"
    assert without_interval(9.0, seeds=4).difference == "not shown"


def test_seeds_won_are_those_above_zero():
    assert estimate(np.array([1.0, 0.0, -1.0, 2.0])).won == 0.5

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ray_mtlkd.report.statistics import common_prior, estimate, moderated, without_interval


def test_three_seeds_get_students_interval():
    found = estimate(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.seeds, found.method) == (2.0, 3, "student-t")
    # t(0.975, 2) = 4.302653, standard error = 1 / sqrt(3)
    assert found.high == pytest.approx(2 + 4.302653 / 3**0.5, abs=1e-5)
    assert found.low == pytest.approx(2 - 4.302653 / 3**0.5, abs=1e-5)
    assert found.difference == "not shown"


def test_one_seed_has_no_interval_and_shows_nothing():
    found = estimate(np.array([40.0]))
    assert (found.low, found.high, found.method, found.difference) == (None, None, "none", "not shown")


@pytest.mark.parametrize("seeds", [2, 5, 6, 12])
def test_every_number_of_seeds_from_two_gets_scipys_interval(seeds):
    values = np.random.default_rng(3).normal(1, 2, size=seeds)
    low, high = stats.t.interval(0.95, seeds - 1, loc=values.mean(), scale=stats.sem(values))
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.method == "student-t"


@pytest.mark.parametrize("seeds", [3, 6, 10])
def test_intervals_cover_what_they_say(seeds):
    draws = np.random.default_rng(11).normal(0.7, 1.3, size=(2000, seeds))
    found = [estimate(row) for row in draws]
    covered = np.mean([each.low <= 0.7 <= each.high for each in found])
    assert 0.935 <= covered <= 0.965  # 2000 draws: standard error 0.5 %


def test_intervals_of_a_family_hold_together():
    draws = np.random.default_rng(12).normal(0.7, 1.3, size=(1000, 10, 5))
    found = [all(each.low <= 0.7 <= each.high for each in (estimate(row, family=10) for row in rows)) for rows in draws]
    assert np.mean(found) >= 0.935


def test_equal_variances_are_pooled():
    draws = np.random.default_rng(5).normal(size=(400, 6))
    prior = common_prior(draws.var(axis=1, ddof=1), np.full(400, 5.0))
    assert prior.df > 100
    assert prior.variance == pytest.approx(1.0, rel=0.1)


def test_a_prior_is_found_again():
    draws = np.random.default_rng(6)
    truth = 4.0 * 3.0 / draws.chisquare(4, size=20_000)  # d0 = 4, s0^2 = 3
    prior = common_prior(truth * draws.chisquare(5, size=20_000) / 5, np.full(20_000, 5.0))
    assert (prior.df, prior.variance) == pytest.approx((4.0, 3.0), rel=0.1)


def test_variances_of_zero_do_not_make_a_prior():
    variances, df = np.array([1.0, 1.0, 1.0, 0.0]), np.full(4, 5.0)
    assert common_prior(variances, df) == common_prior(variances[:3], df[:3])
    assert common_prior(np.zeros(3), np.full(3, 2.0)).variance == 0.0


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=20), st.integers(1, 9))
def test_moderated_variances_lie_between_their_own_and_the_typical(values, df):
    variances = np.array(values)
    prior = common_prior(variances, np.full(len(values), float(df)))
    found = moderated(variances, np.full(len(values), float(df)), prior)
    low, high = np.minimum(variances, prior.variance), np.maximum(variances, prior.variance)
    assert (found >= low * (1 - 1e-9)).all()
    assert (found <= high * (1 + 1e-9)).all()


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
